import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'

/** The first line of every age file. */
export const VERSION = 'age-encryption.org/v1'
export const FILE_KEY_BYTES = 16
/** Of the payload, before its first chunk. */
export const NONCE_BYTES = 16
/** X25519 keys, and the keys of ChaCha20-Poly1305. */
export const KEY_BYTES = 32
/** Plain bytes in each chunk of the payload but the last. */
export const CHUNK_BYTES = 64 * 1024
export const TAG_BYTES = 16
/** The file key is wrapped under a key of its own each time: its nonce never varies. */
export const WRAP_NONCE = Buffer.alloc(12)

const CIPHER = 'chacha20-poly1305'
/** The number of a chunk stands in eleven bytes; six of them are more than any file needs. */
const NUMBER = { at: 5, bytes: 6 }

/** The key everything in the payload is under. */
export function payloadKey(fileKey: Buffer, nonce: Buffer): KeyObject {
  return derive(fileKey, nonce, 'payload')
}

/** The key a file key is wrapped under for one X25519 recipient: what both sides know, bound to this share and this recipient. */
export function wrapKey(secret: Buffer, share: Buffer, recipient: Buffer): KeyObject {
  return derive(secret, Buffer.concat([share, recipient]), `${VERSION}/X25519`)
}

/** @param header from its first byte to the three hyphens before the MAC */
export function headerMac(fileKey: Buffer, header: Buffer | string): Buffer {
  return createHmac('sha256', derive(fileKey, Buffer.alloc(0), 'header'))
    .update(header)
    .digest()
}

/** Chunks are numbered, and the last one is marked: nothing can be moved, left out or cut off unnoticed. */
export function chunkNonce(no: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(no, NUMBER.at, NUMBER.bytes)
  nonce.writeUInt8(last ? 1 : 0, 11)
  return nonce
}

/**
 * @param key NOTE never bare bytes: of those Node finds out anew for each box, by an error it throws and catches, that they are no key object
 * @param plain in pieces
 * @returns the ciphertext in as many, then its tag
 */
export function sealBox(key: KeyObject, nonce: Buffer, plain: readonly Uint8Array[]): Buffer[] {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  const sealed = plain.map((piece) => cipher.update(piece))
  cipher.final()
  return [...sealed, cipher.getAuthTag()]
}

/** @throws when it was not sealed so */
export function openBox(key: KeyObject, nonce: Buffer, sealed: Buffer): Buffer {
  const end = sealed.length - TAG_BYTES
  const box = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  box.setAuthTag(sealed.subarray(end))
  const plain = box.update(sealed.subarray(0, end))
  box.final()
  return plain
}

export function publicKey(raw: Buffer): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') }, format: 'jwk' })
}

/** @returns the 32 bytes of its public half */
export function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
}

function derive(secret: Buffer, salt: Buffer, info: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, salt, info, KEY_BYTES)))
}
