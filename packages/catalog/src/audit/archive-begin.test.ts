import { formatLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import type { WalRecord } from '../wal-record.ts'
import { withArchiveBegin } from './archive-begin.ts'

const lsn = (at: number) => formatLsn(BigInt(at))
type Held = Record<string, [timeline: number, from: number, to: number][]>

/** Keeping began at 50 as far as anybody remembers; the cluster is on timeline 2, which left the first at 30. */
function begin(held: Held, record: object = {}, state: object = {}): number {
  const way = { timeline: 2, ancestors: [{ timeline: 1, end: lsn(30) }] }
  const now = { systemIdentifier: '7', ...way, begun: { lsn: lsn(50), at: 'then' }, ...state }
  const targets = { aws: {}, nas: {} }
  const known = { systemIdentifier: '7', since: { lsn: lsn(50), at: 'then' }, holes: [], ...record }
  const listed = Object.fromEntries(
    Object.entries(held).map(([target, spans]) => [
      target,
      { spans: spans.map(([timeline, from, to]) => ({ timeline, from: lsn(from), to: lsn(to) })), histories: [2] },
    ]),
  )
  const found = withArchiveBegin(known as unknown as WalRecord, { targets, ...now } as unknown as WalState, {
    held: listed as never,
  })
  expect({ ...found, since: undefined }).toEqual({ ...known, since: undefined })
  expect(found.since.at).toBe('then')
  return Number.parseInt(found.since.lsn.split('/')[1] ?? '', 16)
}

test('an archive begins where one target’s WAL does that leads there without a hole, over timelines', () => {
  expect(
    begin({
      aws: [[2, 40, 99]],
      nas: [
        [1, 10, 30],
        [2, 28, 60],
      ],
    }),
  ).toBe(10)
  expect(begin({ aws: [[2, 50, 99]] })).toBe(50)
  expect(begin({})).toBe(50)
})

test('a hole ends it, also where another target has what is missing: recovery reads one target', () => {
  expect(
    begin({
      aws: [
        [1, 5, 20],
        [2, 35, 99],
      ],
      nas: [
        [1, 10, 30],
        [2, 28, 34],
      ],
    }),
  ).toBe(35)
})

test('what a branch that was left holds behind its end, and a target nobody keeps WAL at, do not count', () => {
  expect(
    begin({
      aws: [
        [1, 5, 49],
        [2, 49, 99],
      ],
    }),
  ).toBe(49)
  expect(begin({ old: [[2, 5, 99]] })).toBe(50)
})

test('where the record knows better, the way is not known, or the cluster is another one, nothing is claimed', () => {
  const held: Held = { aws: [[2, 30, 99]] }
  expect(begin(held)).toBe(30)
  // It was moved on, or back, from where the agent began.
  expect(begin(held, { since: { lsn: lsn(60), at: 'then' } })).toBe(60)
  expect(begin(held, {}, { begun: undefined })).toBe(50)
  expect(begin(held, {}, { ancestors: undefined })).toBe(50)
  expect(begin(held, { systemIdentifier: '8' })).toBe(50)
})
