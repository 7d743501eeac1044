import type { Readable } from 'node:stream'
import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from '@lifeboat/storage/relay.ts'
import type { PutOptions, Target } from '@lifeboat/storage/target.ts'
import { bodiesOf } from './bodies.ts'
import type { Lane } from './deps.ts'

/** What an object is, as far as a put has to know it beforehand. */
type Content = Pick<PutOptions, 'bytes' | 'sha256' | 'md5'>

/**
 * What a target gives for the sake of another. Whoever stores these bytes elsewhere must not take its trouble for that of the target he fills, so all of it is PART_GONE.
 *
 * @returns undefined: it is not there
 * @throws LifeboatError PART_GONE – it cannot be read there now; also on the stream
 */
export function fromTarget(lane: Lane, key: Key, signal: AbortSignal): Promise<Readable | undefined> {
  return askOther(lane, key, signal, async (target) => {
    try {
      const body = await target.get(key, { signal })
      return relay(body, { signal, translate: (cause) => gone(target, key, { cause }) })
    } catch (thrown) {
      if (LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')) return undefined
      throw thrown
    }
  })
}

/**
 * Reads all of an object of WAL at another target.
 *
 * @returns its digests; undefined: it is not there, or damaged there as well
 * @throws LifeboatError PART_GONE – it cannot be read there now
 */
export async function walAt(other: Lane, key: Key, signal: AbortSignal): Promise<Content | undefined> {
  return askOther(other, key, signal, async (target) => (await readWal(target, key, { signal })).content)
}

/**
 * Puts an object of WAL that was read at another target: a put has to know the digests beforehand, so it is read twice.
 *
 * @returns what lies there now, which are other bytes where somebody was faster, with the same plain bytes encrypted another time; undefined: it was let go at the other
 * target meanwhile, or what somebody put is not whole
 * @throws LifeboatError PART_GONE – it cannot be read there any more · TARGET_… – of the target that is filled
 */
export async function putWalFrom(
  other: Lane,
  target: Target,
  key: Key,
  content: Content,
  signal: AbortSignal,
): Promise<Content | undefined> {
  const first = await fromTarget(other, key, signal)
  if (first === undefined) return undefined
  using body = bodiesOf(first, async () => {
    const again = await fromTarget(other, key, signal)
    if (again === undefined) throw gone(other.target, key)
    return again
  })
  try {
    await target.put(key, body, { ...content, role: 'wal', signal })
    return content
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'TARGET_KEY_TAKEN')) throw thrown
    return (await readWal(target, key, { signal })).content
  }
}

async function askOther<T>(
  { target, gate }: Lane,
  key: Key,
  signal: AbortSignal,
  ask: (target: Target) => Promise<T>,
): Promise<T> {
  if (gate.away) throw gone(target, key, { problem: 'known to be away' })
  try {
    return await ask(target)
  } catch (cause) {
    signal.throwIfAborted()
    throw gone(target, key, { cause })
  }
}

function gone(
  { id }: Target,
  key: Key,
  { cause, ...facts }: { problem?: string; cause?: unknown } = {},
): LifeboatError {
  return new LifeboatError('PART_GONE', { targetId: id, key, ...facts }, { cause })
}
