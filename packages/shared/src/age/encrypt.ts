import { diffieHellman, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
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
  const { head, key } = begin(stanzas)
  yield head
  const last = Math.max(0, Math.ceil(plain.byteLength / CHUNK_BYTES) - 1)
  for (let no = 0; no <= last; no++)
    yield* sealBox(key, chunkNonce(no, no === last), [plain.subarray(no * CHUNK_BYTES, (no + 1) * CHUNK_BYTES)])
}

/**
 * The same of a stream of any length, in constant memory: a chunk is sealed as soon as a byte behind it is here, for the last one is marked.
 *
 * @param plain in pieces of any length, each in memory of its own: it is kept until its chunk is sealed
 */
export async function* encrypted(
  plain: AsyncIterable<Uint8Array>,
  recipients: NativeRecipients,
): AsyncGenerator<Buffer> {
  const { head, key } = begin((fileKey) => recipients.map((recipient) => stanza(fileKey, recipient)))
  yield head
  let no = 0
  let chunk: Uint8Array[] = []
  let room = CHUNK_BYTES
  for await (const bytes of plain)
    for (let at = 0; at < bytes.byteLength; ) {
      if (room === 0) {
        yield* sealBox(key, chunkNonce(no++, false), chunk)
        chunk = []
        room = CHUNK_BYTES
      }
      const piece = bytes.subarray(at, at + room)
      chunk.push(piece)
      at += piece.byteLength
      room -= piece.byteLength
    }
  yield* sealBox(key, chunkNonce(no, true), chunk)
}

/** What stands before the first chunk, and the key all chunks are under. */
function begin(stanzas: (fileKey: Buffer) => readonly string[]): { head: Buffer; key: KeyObject } {
  const fileKey = randomBytes(FILE_KEY_BYTES)
  const nonce = randomBytes(NONCE_BYTES)
  return { head: Buffer.concat([header(fileKey, stanzas(fileKey)), nonce]), key: payloadKey(fileKey, nonce) }
}

function header(fileKey: Buffer, stanzas: readonly string[]): Buffer {
  const authentic = `${VERSION}\n${stanzas.join('')}---`
  return Buffer.from(`${authentic} ${base64(headerMac(fileKey, authentic))}\n`)
}

function stanza(fileKey: Buffer, recipient: Buffer): string {
  const ephemeral = generateKeyPairSync('x25519')
  const share = rawKey(ephemeral.publicKey)
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKey(recipient) })
  const wrapped = Buffer.concat(sealBox(wrapKey(secret, share, recipient), WRAP_NONCE, [fileKey]))
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
