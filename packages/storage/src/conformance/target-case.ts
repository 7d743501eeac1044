import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Abilities, PutOptions, Target } from '../target.ts'

/** Where one case may work: below `prefix` nothing lies yet, and whatever lies there afterwards is removed. */
export interface CaseRoom {
  prefix: Key
  signal: AbortSignal
  /** Locks an object against removal, by means only the owner of the store has; absent where nobody can. */
  lock?: (key: Key) => Promise<void>
}

/** One sentence of the Target contract and how to find out whether it holds. Knows no test runner: an operator's bucket is asked the same. */
export interface TargetCase {
  name: string
  clause: 'put' | 'get' | 'stat' | 'list' | 'remove'
  /** Asked only of targets that declare this ability. */
  needs?: keyof Abilities
  /** Rejects, with what was expected and what came, when the sentence does not hold. */
  check(target: Target, room: CaseRoom): Promise<void>
}

/** Bytes that compress badly and differ from call to call, so that a leftover never passes for them. */
export function someBytes(length: number): Buffer {
  return randomBytes(length)
}

/** Put options that tell the truth about `bytes`. */
export function optionsFor(bytes: Uint8Array, signal: AbortSignal): PutOptions {
  return {
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex') as Sha256,
    md5: createHash('md5').update(bytes).digest('hex') as Md5,
    role: 'part',
    signal,
  }
}

/** A fresh stream of these bytes at each call, in several chunks. */
export function bodyOf(bytes: Uint8Array, chunkBytes = 64 * 1024): () => Readable {
  return () =>
    Readable.from(
      (function* () {
        for (let from = 0; from < bytes.byteLength; from += chunkBytes) yield bytes.subarray(from, from + chunkBytes)
      })(),
      { objectMode: false },
    )
}

export async function putBytes(target: Target, key: Key, bytes: Uint8Array, signal: AbortSignal) {
  return target.put(key, bodyOf(bytes), optionsFor(bytes, signal))
}

export async function getBytes(target: Target, key: Key, signal: AbortSignal, from = 0): Promise<Buffer> {
  return buffer(await target.get(key, { from, signal }))
}

export async function listKeys(target: Target, prefix: Key, signal: AbortSignal): Promise<Key[]> {
  const keys: Key[] = []
  for await (const { key } of target.list(prefix, { signal })) keys.push(key)
  return keys
}

export async function rejectsWith(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  const outcome = await settled(work)
  assert.ok('thrown' in outcome, `expected ${code}, but it succeeded`)
  assert.equal(outcome.thrown instanceof LifeboatError ? outcome.thrown.code : outcome.thrown, code)
}

export async function settled<T>(work: Promise<T>): Promise<{ value: T } | { thrown: unknown }> {
  return work.then(
    (value) => ({ value }),
    (thrown: unknown) => ({ thrown }),
  )
}

export async function isAbsent(target: Target, key: Key, signal: AbortSignal): Promise<void> {
  assert.equal(await target.stat(key, { signal }), undefined, `nothing may lie under ${key}`)
  assert.deepEqual(await listKeys(target, key, signal), [], `a list may not show ${key}`)
  await rejectsWith('TARGET_KEY_ABSENT', getBytes(target, key, signal))
}
