import { LifeboatError } from '../errors/lifeboat-error.ts'
import { Manifest } from './manifest.ts'

/**
 * The manifest inside its signed envelope. The signature is not looked at: whoever asks this has no keys, and compares the digest of the envelope with the
 * one its agent announced.
 *
 * @throws LifeboatError MANIFEST_TAMPERED
 */
export function manifestInside(envelope: Buffer): Manifest {
  try {
    const { payload } = JSON.parse(envelope.toString()) as { payload: string }
    return Manifest.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
  } catch (cause) {
    throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'not a manifest in a signed envelope' }, { cause })
  }
}
