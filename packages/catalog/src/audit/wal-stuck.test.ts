import { moment } from '@lifeboat/shared/domain/ids.ts'
import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { expect, test } from 'vitest'
import type { WalStuck } from './buckets.ts'
import { isGivenUp, nextStep, type Obstacle, stuckBy } from './wal-stuck.ts'

const NOW = Date.UTC(2026, 8, 26)
const DAY = 86_400_000
const nowhere: Obstacle = { reason: 'nowhere', why: 'no other target has it whole' }

test('what cannot be mended is looked at again after a day, two, four, and then each week', () => {
  let stuck: WalStuck | undefined
  const days = [1, 2, 3, 4, 5].map(() => {
    stuck = stuckBy(nowhere, stuck, NOW)
    return (Date.parse(stuck.again) - NOW) / DAY
  })
  expect(days).toEqual([1, 2, 4, 7, 7])
  expect(stuck?.tries).toBe(5)
})

test('another reason begins to count anew', () => {
  const before = stuckBy(nowhere, stuckBy(nowhere, undefined, NOW), NOW)
  expect(stuckBy({ reason: 'no-removal', why: 'x' }, before, NOW)).toMatchObject({ tries: 1, again: moment(NOW + DAY) })
})

test('what the store holds is tried when its lock ends, and not later than all else; a lock that is over says nothing', () => {
  const locked = (untilMs: number) => stuckBy({ reason: 'locked', why: 'x', until: moment(untilMs) }, undefined, NOW)
  expect(locked(NOW + 3_600_000).again).toBe(moment(NOW + 3_600_000))
  expect(locked(NOW + 30 * DAY).again).toBe(moment(NOW + DAY))
  expect(locked(NOW - 1).again).toBe(moment(NOW + DAY))
})

test('each reason says what to do next', () => {
  const step = (reason?: WalStuck['reason']) =>
    nextStep({
      targetId: 'aws',
      sourceId: 'records',
      ...(reason && { stuck: stuckBy({ reason, why: '' }, undefined, NOW) }),
    } as never)
  expect(step()).toContain('by itself')
  expect(step('no-removal')).toContain('`removal`')
  expect(step('locked')).toContain('when the lock ends')
  expect(step('nowhere')).toContain('`lifeboat backup now`')
})

test('only what nobody has, and a base of the same or a later timeline leads past, is given up', () => {
  const SEGMENT = 0x1000000
  const about = (name: string, reason: WalStuck['reason'] = 'nowhere') => ({
    key: `records/wal/00000001/${name}.0123456789abcdef.zst.age`,
    stuck: stuckBy({ reason, why: '' }, undefined, NOW),
  })
  const question = { segmentBytes: SEGMENT, way: undefined }
  const [end, third] = [BigInt(4 * SEGMENT), '000000010000000000000003']
  expect(isGivenUp(about(third), [{ timeline: 1, lsn: end }], question)).toBe(true)
  expect(isGivenUp(about(third), [{ timeline: 1, lsn: end - 1n }], question)).toBe(false)
  expect(isGivenUp(about(third, 'locked'), [{ timeline: 1, lsn: end }], question)).toBe(false)
  expect(isGivenUp(about('000000020000000000000003'), [{ timeline: 1, lsn: end }], question)).toBe(false)
  expect(isGivenUp(about('00000002.history'), [{ timeline: 2, lsn: end }], question)).toBe(false)
  // Timeline 1 was left within segment 3, and then before it: past that leads any base of its own branch.
  const left = (at: number) => ({ segmentBytes: SEGMENT, way: pathTo(2, [{ timeline: 1, end: BigInt(at * SEGMENT) }]) })
  expect(isGivenUp(about(third), [{ timeline: 1, lsn: end }], left(3.5))).toBe(false)
  expect(isGivenUp(about(third), [{ timeline: 2, lsn: end }], left(3.5))).toBe(true)
  expect(isGivenUp(about(third), [{ timeline: 1, lsn: end }], left(2))).toBe(true)
})
