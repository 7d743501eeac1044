import { createDecipheriv, createHmac, createPublicKey, diffieHellman, hkdfSync, timingSafeEqual } from 'node:crypto'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { X25519Identity } from './identities.ts'

const VERSION = 'age-encryption.org/v1'
const FILE_KEY_BYTES = 16
export const TAG_BYTES = 16
/** An X25519 key in DER is this and the 32 bytes of the key. */
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')

/** @param header from the first byte to the end of the line with the MAC */
export function fileKeyOf(header: Buffer, identities: readonly X25519Identity[], artifact: string): Buffer {
  const lines = header.toString('latin1').split('\n')
  if (lines[0] !== VERSION) throw unopened('it is no age file', artifact)
  const keys = stanzasOf(lines).flatMap((stanza) => identities.map((identity) => unwrap(stanza, identity)))
  const fileKey = keys.find((key) => key !== undefined)
  if (!fileKey) throw new LifeboatError('ARTIFACT_KEY_WRONG', { artifact })
  demandMac(fileKey, header, artifact)
  return fileKey
}

export function hkdf(key: Buffer, salt: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, 32))
}

export function unopened(problem: string, artifact: string): LifeboatError {
  return new LifeboatError('ARTIFACT_UNREADABLE', { artifact, tool: 'age', problem })
}

interface Stanza {
  share: Buffer
  body: Buffer
}

/** `-> X25519 SHARE` and the wrapped key in the line after it; those of other kinds are passed over. */
function stanzasOf(lines: readonly string[]): Stanza[] {
  return lines.flatMap((line, no) => {
    const share = /^-> X25519 (\S+)$/.exec(line)?.[1]
    if (share === undefined) return []
    return [{ share: Buffer.from(share, 'base64'), body: Buffer.from(lines[no + 1] ?? '', 'base64') }]
  })
}

function unwrap({ share, body }: Stanza, { privateKey, publicKey }: X25519Identity): Buffer | undefined {
  if (body.length !== FILE_KEY_BYTES + TAG_BYTES) return undefined
  try {
    const theirs = createPublicKey({ key: Buffer.concat([SPKI, share]), format: 'der', type: 'spki' })
    const secret = diffieHellman({ privateKey, publicKey: theirs })
    const key = hkdf(secret, Buffer.concat([share, publicKey]), `${VERSION}/X25519`)
    return openBox(key, Buffer.alloc(12), body)
  } catch {
    // It is wrapped for somebody else.
    return undefined
  }
}

/** @throws when it was not sealed so */
export function openBox(key: Buffer, nonce: Buffer, sealed: Buffer): Buffer {
  const end = sealed.length - TAG_BYTES
  const box = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_BYTES })
  box.setAuthTag(sealed.subarray(end))
  const plain = box.update(sealed.subarray(0, end))
  box.final()
  return plain
}

function demandMac(fileKey: Buffer, header: Buffer, artifact: string): void {
  const end = header.lastIndexOf('\n--- ') + '\n---'.length
  const expected = createHmac('sha256', hkdf(fileKey, Buffer.alloc(0), 'header'))
    .update(header.subarray(0, end))
    .digest()
  const found = Buffer.from(header.toString('latin1', end + 1).trim(), 'base64')
  if (found.length !== expected.length || !timingSafeEqual(found, expected))
    throw unopened('its header was changed', artifact)
}
