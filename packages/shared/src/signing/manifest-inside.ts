import { Manifest } from '../domain/manifest.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { readUnchecked } from './signing.ts'

/**
 * The manifest inside its signed envelope. The signature is not looked at: whoever asks this has no keys, and compares the digest of the envelope with the
 * one its agent announced.
 *
 * @throws LifeboatError MANIFEST_TAMPERED
 */
export function manifestInside(envelope: Buffer): Manifest {
  const { document } = readUnchecked(envelope.toString(), 'lifeboat-manifest')
  const manifest = Manifest.safeParse(document)
  if (manifest.success) return manifest.data
  throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'it has not the shape of a manifest' })
}
