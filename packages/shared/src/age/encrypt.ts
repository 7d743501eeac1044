import { diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto'
import { bech32Bytes } from './bech32.ts'
import {
  CHUNK_BYTES,
  chunkNonce,
  FILE_KEY_BYTES,
  headerMac,
  KEY_BYTES,
  NONCE_BYTES,
  payloadKey,
  publicKey,
  rawKey,
  sealBox,
  VERSION,
  WRAP_NONCE,
  wrapKey,
} from './format.ts'

/** Public X25519 keys, 32 bytes each. */
export type NativeRecipients = readonly Buffer[]

/**
 * The keys of `age1…` recipients; undefined where one of them is of another kind or mistyped: what to do with those is for the age program to say.
 */
export function nativeRecipients(recipients: readonly string[]): NativeRecipients | undefined {
  const keys = recipients.map((recipient) => bech32Bytes('age', recipient))
  return keys.every((key) => key?.byteLength === KEY_BYTES) ? (keys as Buffer[]) : undefined
}

/**
 * Encrypts as `age -r` does, in this process: an object of WAL every few milliseconds is too much to start a program for, the more as
 * starting one copies the page tables of this process.
 *
 * The ciphers are those of OpenSSL; here is only the format, which the age program must be able to read in every test.
 *
 * @see https://c2sp.org/age – header, X25519 recipient stanza, payload
 */
export function encrypt(plain: Uint8Array, recipients: NativeRecipients): Generator<Buffer> {
  return encryptWith(plain, (fileKey) => recipients.map((recipient) => stanza(fileKey, recipient)))
}

/**
 * The payload is a STREAM: chunks of 64 KiB, each with its number, the last one marked, so that nothing can be cut off unnoticed. Of nothing there is one that is empty.
 *
 * @param stanzas what tells those who may read the key of the file
 */
export function* encryptWith(plain: Uint8Array, stanzas: (fileKey: Buffer) => readonly string[]): Generator<Buffer> {
  const fileKey = randomBytes(FILE_KEY_BYTES)
  const nonce = randomBytes(NONCE_BYTES)
  yield Buffer.concat([header(fileKey, stanzas(fileKey)), nonce])
  const key = payloadKey(fileKey, nonce)
  const last = Math.max(0, Math.ceil(plain.byteLength / CHUNK_BYTES) - 1)
  for (let no = 0; no <= last; no++)
    yield* sealBox(key, chunkNonce(no, no === last), plain.subarray(no * CHUNK_BYTES, (no + 1) * CHUNK_BYTES))
}

function header(fileKey: Buffer, stanzas: readonly string[]): Buffer {
  const authentic = `${VERSION}\n${stanzas.join('')}---`
  return Buffer.from(`${authentic} ${base64(headerMac(fileKey, authentic))}\n`)
}

function stanza(fileKey: Buffer, recipient: Buffer): string {
  const ephemeral = generateKeyPairSync('x25519')
  const share = rawKey(ephemeral.publicKey)
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKey(recipient) })
  const wrapped = Buffer.concat(sealBox(wrapKey(secret, share, recipient), WRAP_NONCE, fileKey))
  return stanzaText(['X25519', share], wrapped)
}

/** @param args bytes become base64 */
export function stanzaText(args: readonly (string | Buffer)[], body: Buffer): string {
  const told = args.map((arg) => (typeof arg === 'string' ? arg : base64(arg)))
  return `-> ${told.join(' ')}\n${base64(body)}\n`
}

/** Without padding, as age writes it. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
