import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Md5, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { checkedBody } from './checked-body.ts'
import { relay } from './relay.ts'
import type { Receipt, Target } from './target.ts'

/** A target that forgets everything with the process; for tests, and the plainest telling of what a target does. */
export interface MemoryTarget extends Target {
  /** What lies there, for tests to look at and to tamper with. */
  readonly objects: Map<Key, Buffer>
  /** Keys that refuse to be removed. */
  readonly locked: Set<Key>
}

export function openMemory(id: TargetId): MemoryTarget {
  const objects = new Map<Key, Buffer>()
  const locked = new Set<Key>()
  return {
    id,
    kind: 'memory',
    abilities: { immutability: true, conditionalPut: true },
    objects,
    locked,

    async put(key, body, opts) {
      opts.signal.throwIfAborted()
      const bytes = await buffer(checkedBody(key, body, opts, { digest: true }))
      const there = objects.get(key)
      if (there !== undefined && !there.equals(bytes))
        throw new LifeboatError('TARGET_KEY_TAKEN', { targetId: id, key })
      objects.set(key, there ?? bytes)
      return receiptOf(key, bytes)
    },
    async get(key, { from = 0, signal }) {
      signal.throwIfAborted()
      const bytes = objects.get(key)
      if (bytes === undefined) throw new LifeboatError('TARGET_KEY_ABSENT', { targetId: id, key })
      return relay(Readable.from(chunksOf(bytes.subarray(from)), { objectMode: false }), { signal })
    },
    async stat(key, { signal }) {
      signal.throwIfAborted()
      const bytes = objects.get(key)
      return bytes && receiptOf(key, bytes)
    },
    async *list(prefix, { signal }) {
      for (const key of [...objects.keys()].filter((each) => each.startsWith(prefix)).sort(byUtf8)) {
        signal.throwIfAborted()
        const bytes = objects.get(key)
        if (bytes !== undefined) yield receiptOf(key, bytes)
      }
      signal.throwIfAborted()
    },
    async remove(key, { signal }) {
      signal.throwIfAborted()
      if (locked.has(key)) throw new LifeboatError('TARGET_HELD', { targetId: id, key })
      objects.delete(key)
    },
    async [Symbol.asyncDispose]() {},
  }
}

function receiptOf(key: Key, bytes: Buffer): Receipt {
  return {
    key,
    bytes: bytes.byteLength,
    md5: createHash('md5').update(bytes).digest('hex') as Md5,
  }
}

/** Copies: what a reader was given is its own, and it may give the memory back. */
function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.byteLength; from += 64 * 1024)
    yield Buffer.from(bytes.subarray(from, from + 64 * 1024))
}

function byUtf8(one: Key, other: Key): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
