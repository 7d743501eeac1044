import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { putBytes, rejectsWith, settled, someBytes } from '../conformance/target-case.ts'
import { openMemory } from '../memory.ts'
import { faulty } from './faulty.ts'
import { limited, tokenBucket } from './limited.ts'
import { metered, type TargetObserver } from './metered.ts'

const signal = new AbortController().signal

test('several puts together keep to the one rate of their target', async () => {
  const target = limited(openMemory('m' as TargetId), { bytesPerSecond: 1_000_000 })
  const began = performance.now()
  await Promise.all(['a', 'b', 'c'].map((key) => putBytes(target, key, someBytes(100_000), signal)))
  // 300 kB less what may pass at once (a tenth of a second's worth).
  expect(performance.now() - began).toBeGreaterThan(180)
})

test('a rest does not save up more than the burst', async () => {
  let now = 0
  const bucket = tokenBucket(1000, 100, () => now)
  now = 1_000_000
  await bucket.take(100, signal)
  const waiting = settled(bucket.take(60_000_000, AbortSignal.timeout(20)))
  expect(await waiting).toHaveProperty('thrown')
})

test('a stop ends the waiting for the rate', async () => {
  const stopping = new AbortController()
  const reason = new LifeboatError('SERVICE_STOPPING')
  const target = limited(openMemory('m' as TargetId), { bytesPerSecond: 10 })
  setTimeout(() => stopping.abort(reason), 20)
  expect(await settled(putBytes(target, 'a', someBytes(1000), stopping.signal))).toEqual({ thrown: reason })
})

test('every call is told with its outcome, and the bytes that passed', async () => {
  const calls: string[] = []
  const moved = { up: 0, down: 0 }
  const observer: TargetObserver = {
    answered: ({ operation, outcome }) => void calls.push(`${operation} ${outcome}`),
    moved: (_, direction, bytes) => {
      moved[direction] += bytes
    },
  }
  const broken = faulty(openMemory('m' as TargetId), [{ on: 'stat', does: { fail: 'TARGET_REFUSED' } }])
  const target = metered(broken, observer)
  await putBytes(target, 'a', someBytes(1000), signal)
  for await (const _ of await target.get('a', { from: 400, signal })) void _
  await rejectsWith('TARGET_REFUSED', target.stat('a', { signal }))
  for await (const _ of target.list('', { signal })) void _
  await target.remove('a', { signal })
  expect(calls).toEqual(['put ok', 'get ok', 'stat TARGET_REFUSED', 'list ok', 'remove ok'])
  expect(moved).toEqual({ up: 1000, down: 600 })
})
