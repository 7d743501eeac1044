import { diffieHellman, timingSafeEqual } from 'node:crypto'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import {
  FILE_KEY_BYTES,
  headerMac,
  KEY_BYTES,
  openBox,
  publicKey,
  TAG_BYTES,
  VERSION,
  WRAP_NONCE,
  wrapKey,
} from './format.ts'
import type { X25519Identity } from './identities.ts'
import { unwrapByPassphrase } from './scrypt.ts'

/** What opens an age file. */
export type AgeIdentity = X25519Identity | { passphrase: string }

/** @param header from the first byte to the end of the line with the MAC */
export function fileKeyOf(header: Buffer, identities: readonly AgeIdentity[], artifact: string): Buffer {
  const lines = header.toString('latin1').split('\n')
  if (lines[0] !== VERSION) throw unopened('it is no age file', artifact)
  const keys = stanzasOf(lines).flatMap((stanza) => identities.map((identity) => unwrap(stanza, identity)))
  const fileKey = keys.find((key) => key !== undefined)
  if (!fileKey) throw new LifeboatError('ARTIFACT_KEY_WRONG', { artifact })
  demandMac(fileKey, header, artifact)
  return fileKey
}

export function unopened(problem: string, artifact: string): LifeboatError {
  return new LifeboatError('ARTIFACT_UNREADABLE', { artifact, tool: 'age', problem })
}

interface Stanza {
  args: string[]
  body: Buffer
}

/** `-> X25519 SHARE` and the wrapped key in the line after it; nobody opens those of other kinds. */
function stanzasOf(lines: readonly string[]): Stanza[] {
  return lines.flatMap((line, no) => {
    const args = /^-> (\S.*)$/.exec(line)?.[1]?.split(' ')
    return args ? [{ args, body: Buffer.from(lines[no + 1] ?? '', 'base64') }] : []
  })
}

function unwrap({ args, body }: Stanza, identity: AgeIdentity): Buffer | undefined {
  if ('passphrase' in identity) return unwrapByPassphrase(args, body, identity.passphrase)
  const share = Buffer.from(args[1] ?? '', 'base64')
  if (args[0] !== 'X25519' || share.length !== KEY_BYTES || body.length !== FILE_KEY_BYTES + TAG_BYTES) return undefined
  try {
    const secret = diffieHellman({ privateKey: identity.privateKey, publicKey: publicKey(share) })
    return openBox(wrapKey(secret, share, identity.publicKey), WRAP_NONCE, body)
  } catch {
    // It is wrapped for somebody else.
    return undefined
  }
}

function demandMac(fileKey: Buffer, header: Buffer, artifact: string): void {
  const end = header.lastIndexOf('\n--- ') + '\n---'.length
  const expected = headerMac(fileKey, header.subarray(0, end))
  const found = Buffer.from(header.toString('latin1', end + 1).trim(), 'base64')
  if (found.length !== expected.length || !timingSafeEqual(found, expected))
    throw unopened('its header was changed', artifact)
}
