import type { KeyObject } from 'node:crypto'
import { forget } from '../service/forget.ts'
import { type AgeIdentity, fileKeyOf, unopened } from './file-key.ts'
import { CHUNK_BYTES, chunkNonce, NONCE_BYTES, openBox, payloadKey, TAG_BYTES } from './format.ts'

const SEALED_BYTES = CHUNK_BYTES + TAG_BYTES
/** Opened in one go: what is given is worth a turn to another thread. */
const BOXES = 16
/** age itself writes some hundred bytes for each recipient. */
const LONGEST_HEADER_BYTES = 64 * 1024

/**
 * Decrypts what the age program encrypted to one of these identities, without a program and its pipes. No byte is given that was not
 * authenticated, and the end is one only where the sealed stream says so.
 *
 * In two buffers by turns: what was given is good until the next but one is asked for.
 *
 * @param artifact for the error
 * @throws LifeboatError ARTIFACT_KEY_WRONG | ARTIFACT_UNREADABLE · what reading `bytes` throws
 * @see https://github.com/C2SP/C2SP/blob/main/age.md; tests hold it against the program
 */
export async function* decrypted(
  bytes: AsyncIterable<Buffer>,
  identities: readonly AgeIdentity[],
  artifact: string,
): AsyncGenerator<Buffer, void, undefined> {
  const window = Buffer.allocUnsafeSlow(BOXES * SEALED_BYTES + LONGEST_HEADER_BYTES)
  let filled = 0
  let payload: Payload | undefined
  for await (const chunk of bytes) {
    for (let from = 0; from < chunk.length; ) {
      const copied = chunk.copy(window, filled, from)
      from += copied
      filled += copied
      let used = 0
      if (!payload) {
        used = payloadBegins(window.subarray(0, filled), artifact)
        if (used === 0) continue
        payload = openPayload(window.subarray(0, used), identities, artifact)
      }
      // What could be the last one waits for its successor.
      const sealed = Math.max(0, Math.ceil((filled - used) / SEALED_BYTES) - 1) * SEALED_BYTES
      if (sealed > 0) yield payload.open(window.subarray(used, used + sealed), false)
      window.copyWithin(0, used + sealed, filled)
      filled -= used + sealed
    }
  }
  if (!payload) throw unopened('it ends in its header', artifact)
  yield payload.open(window.subarray(0, filled), true)
}

/** 0 while the header, or the nonce behind it, is not here in whole. */
function payloadBegins(start: Buffer, artifact: string): number {
  const mac = start.indexOf('\n--- ')
  const end = mac < 0 ? -1 : start.indexOf('\n', mac + 1)
  if (end < 0 && start.length > LONGEST_HEADER_BYTES) throw unopened('it is no age file', artifact)
  const begins = end + 1 + NONCE_BYTES
  return end < 0 || start.length < begins ? 0 : begins
}

function openPayload(start: Buffer, identities: readonly AgeIdentity[], artifact: string): Payload {
  const [header, nonce] = [start.subarray(0, -NONCE_BYTES), start.subarray(-NONCE_BYTES)]
  return new Payload(payloadKey(fileKeyOf(header, identities, artifact), nonce), artifact)
}

class Payload {
  readonly #key: KeyObject
  readonly #artifact: string
  readonly #plain = [Buffer.allocUnsafeSlow(BOXES * CHUNK_BYTES), Buffer.allocUnsafeSlow(BOXES * CHUNK_BYTES)] as const
  #turn = 0
  #boxes = 0

  constructor(key: KeyObject, artifact: string) {
    this.#key = key
    this.#artifact = artifact
  }

  /** @param last whether it ends here; then it is one box, and else whole ones */
  open(sealed: Buffer, last: boolean): Buffer {
    const plain = this.#plain[this.#turn++ % 2] as Buffer
    let filled = 0
    for (let at = 0; at === 0 || at < sealed.length; at += SEALED_BYTES) {
      const opened = this.#openOne(sealed.subarray(at, at + SEALED_BYTES), last)
      filled += opened.copy(plain, filled)
      forget(opened)
    }
    return plain.subarray(0, filled)
  }

  #openOne(sealed: Buffer, last: boolean): Buffer {
    try {
      return openBox(this.#key, chunkNonce(this.#boxes++, last), sealed)
    } catch (cause) {
      const problem = `a piece is not what was sealed, or the end is missing: ${String(cause)}`
      throw unopened(problem, this.#artifact)
    }
  }
}
