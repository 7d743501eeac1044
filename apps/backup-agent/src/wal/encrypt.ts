import {
  createCipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { bech32Bytes } from './bech32.ts'

/** Public X25519 keys, 32 bytes each. */
export type NativeRecipients = readonly Buffer[]

const CHUNK_BYTES = 64 * 1024
const KEY_BYTES = 32

/**
 * The keys of `age1…` recipients; undefined where one of them is of another kind or mistyped: what to do with those is for the age program to say.
 */
export function nativeRecipients(recipients: readonly string[]): NativeRecipients | undefined {
  const keys = recipients.map((recipient) => bech32Bytes('age', recipient))
  return keys.every((key) => key?.byteLength === KEY_BYTES) ? (keys as Buffer[]) : undefined
}

/**
 * Encrypts a stream as `age -r` does, in this process: an object of WAL every few milliseconds is too much to start a program for, the more as
 * starting one copies the page tables of this process.
 *
 * The ciphers are those of OpenSSL; here is only the format, which the age program must be able to read in every test.
 *
 * @see https://c2sp.org/age – header, X25519 recipient stanza, payload
 */
export async function* encrypt(plain: AsyncIterable<Uint8Array>, recipients: NativeRecipients): AsyncGenerator<Buffer> {
  const fileKey = randomBytes(16)
  const nonce = randomBytes(16)
  const payload = new Payload(derive(fileKey, nonce, 'payload'))
  yield Buffer.concat([header(fileKey, recipients), nonce])
  for await (const bytes of plain) yield* payload.add(bytes)
  yield* payload.end()
}

function header(fileKey: Buffer, recipients: NativeRecipients): Buffer {
  const stanzas = recipients.map((recipient) => stanza(fileKey, recipient))
  const authentic = `age-encryption.org/v1\n${stanzas.join('')}---`
  const mac = createHmac('sha256', derive(fileKey, Buffer.alloc(0), 'header'))
    .update(authentic)
    .digest()
  return Buffer.from(`${authentic} ${base64(mac)}\n`)
}

function stanza(fileKey: Buffer, recipient: Buffer): string {
  const ephemeral = generateKeyPairSync('x25519')
  const share = rawKey(ephemeral.publicKey)
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKey(recipient) })
  const wrapKey = derive(secret, Buffer.concat([share, recipient]), 'age-encryption.org/v1/X25519')
  return `-> X25519 ${base64(share)}\n${base64(Buffer.concat(seal(wrapKey, Buffer.alloc(12), fileKey)))}\n`
}

/** The STREAM construction: chunks of 64 KiB, each with its number, the last one marked, so that nothing can be cut off unnoticed. */
class Payload {
  readonly #key: Buffer
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  readonly #nonce = Buffer.alloc(12)
  #filled = 0
  #chunks = 0

  constructor(key: Buffer) {
    this.#key = key
  }

  /** Gives chunks that are known not to be the last. */
  *add(bytes: Uint8Array): Generator<Buffer> {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.#filled === CHUNK_BYTES) yield* this.#seal()
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#filled)
      this.#chunk.set(part, this.#filled)
      this.#filled += part.byteLength
      at += part.byteLength
    }
  }

  end(): Buffer[] {
    this.#nonce[11] = 1
    return this.#seal()
  }

  #seal(): Buffer[] {
    // Eleven bytes of number; four of them are more than any object needs.
    this.#nonce.writeUInt32BE(this.#chunks, 7)
    this.#chunks += 1
    const sealed = seal(this.#key, this.#nonce, this.#chunk.subarray(0, this.#filled))
    this.#filled = 0
    return sealed
  }
}

/** @returns the ciphertext, then its tag */
function seal(key: Buffer, nonce: Buffer, plain: Buffer): Buffer[] {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
  const sealed = cipher.update(plain)
  cipher.final()
  return [sealed, cipher.getAuthTag()]
}

function derive(secret: Buffer, salt: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, KEY_BYTES))
}

function publicKey(raw: Buffer): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') }, format: 'jwk' })
}

function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
}

/** Without padding, as age writes it. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
