import { describe, expect, test } from 'vitest'
import { doubtsAbout } from './doubts.ts'
import type { Candidate, KeepRules } from './question.ts'

const NOW = Date.UTC(2026, 8, 26)
const DAY = 86_400_000

function doubts(...daysAgo: number[]): string[] {
  return doubtsUnder({}, ...daysAgo)
}

type Under = Partial<KeepRules> & { walWindowMs?: number; unsealed?: number }

function doubtsUnder({ walWindowMs, unsealed, ...rules }: Under, ...daysAgo: number[]) {
  const backups = daysAgo.map(
    (days): Candidate =>
      ({
        ...{ backupId: `d${days}`, sealed: days !== unsealed, atMs: NOW - days * DAY, needs: [] },
        copies: [{ targetId: 'aws' }],
      }) as unknown as Candidate,
  )
  const rulesOf = () => ({ minAge: DAY, zone: 'UTC', ...rules })
  return doubtsAbout({ backups, nowMs: NOW, rulesOf, walWindowMs } as never)
}

const daily = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => from - i)

test('backups that come seldom are old for longer: three times what two of their last pauses were', () => {
  expect(doubts(240, 190, 140, 90)).toEqual([])
  expect(doubts(300, 250, 200, 150)).toEqual([])
  expect(doubts(301, 251, 201, 151)).toEqual([
    'the newest backup is 151 d old: either backups stopped or the clock jumped',
  ])
  // One long pause is no habit.
  expect(doubts(140, 90)).toEqual(['the newest backup is 90 d old: either backups stopped or the clock jumped'])
})

test('a single backup, and those that come often, are believed for 35 days', () => {
  expect([doubts(35), doubts(36, 35)]).toEqual([[], []])
  expect(doubts(36)).toHaveLength(1)
  expect(doubts(37, 36)).toHaveLength(1)
})

describe('a pause that is over', () => {
  const paused = (days: number, until: string, settled: string) => [
    `no backup was taken for ${days} d until ${until}: either backups stopped or the clock jumped; this ends with the first backup after ${settled}`,
  ]

  test('is doubted where it was longer than 35 days, until there are backups of 35 days', () => {
    expect(doubts(...daily(100, 35), 0)).toEqual([])
    expect(doubts(...daily(100, 36), 0)).toEqual(paused(36, '2026-09-26', '2026-10-31'))
    expect(doubts(...daily(500, 399), ...daily(34, 0))).toEqual(paused(365, '2026-08-23', '2026-09-27'))
    expect(doubts(...daily(500, 400), ...daily(35, 0))).toEqual([])
  })

  test('is from the last of one day to the first of another, in whatever order they are known', () => {
    expect(doubts(35.4, ...daily(100, 36), 0.5)).toEqual([])
    expect(doubts(...daily(100, 36), 35.4, 0.5)).toEqual([])
    expect(doubts(0.1, 35.8, ...daily(100, 37), 0.9)).toEqual([])
    expect(doubts(...daily(100, 37), 35.8, 0.1)).toHaveLength(1)
  })

  test('is not over with an attempt that sealed nothing', () => {
    expect(doubtsUnder({ unsealed: 20 }, ...daily(100, 36), 20, 0)).toEqual(paused(36, '2026-09-26', '2026-10-31'))
  })

  test('counts by backups and not by the clock, which may jump again', () => {
    expect(doubts(...daily(500, 440), ...daily(75, 35))).toEqual([])
    expect(doubts(...daily(500, 440), ...daily(65, 35))).toEqual(paused(375, '2026-07-23', '2026-08-27'))
    expect(doubts(...daily(900, 801), 400, 0)).toEqual(paused(400, '2026-09-26', '2026-10-31'))
    expect(doubts(...daily(900, 801), 401)).toHaveLength(1)
  })

  test('is doubted for as long as any rule looks back in time', () => {
    const days = [...daily(500, 400), ...daily(59, 0)]
    expect(doubts(...days)).toEqual([])
    for (const rules of [{ within: 60 * DAY }, { minAge: 60 * DAY }, { walWindowMs: 60 * DAY }]) {
      expect(doubtsUnder(rules, ...days)).toEqual(paused(341, '2026-07-29', '2026-09-27'))
      expect(doubtsUnder(rules, ...days, 60)).toEqual([])
    }
  })

  test('is usual where two of the last four were like it, be there two backups on a day or a second try the next', () => {
    expect(doubts(360, 270, 180, 90, 0)).toEqual([])
    const fourOn = (day: number) => [day, day - 0.1, day - 0.2, day - 0.3]
    expect(doubts(...[271, 181, 91, 1].flatMap(fourOn))).toEqual([])
    expect(doubts(270, 269, 180, 179, 90, 89, 0)).toEqual([])
    expect(doubts(180, 90, 0)).toEqual(paused(90, '2026-09-26', '2026-10-31'))
    // Long ago backups came seldom; since they come every day a pause is news.
    expect(doubts(900, 700, 500, ...daily(400, 300), 0)).toEqual(paused(300, '2026-09-26', '2026-10-31'))
  })
})

describe('a backup that lies in the future', () => {
  /** Days ago that its agent says, and that its store says it took it. */
  const told = (...backups: [number, number | undefined][]) =>
    doubtsAbout({
      ...{ sourceId: 'records', nowMs: NOW, rulesOf: () => ({ minAge: DAY, zone: 'UTC' }) },
      backups: backups.map(([days, stored], i) => ({
        ...{ backupId: `b${i}`, sealed: true, atMs: NOW - days * DAY, needs: [] },
        copies: [{ targetId: 'aws', state: 'there', ...(stored !== undefined && { storedMs: NOW - stored * DAY }) }],
      })),
    } as never)
  const future = [
    expect.stringMatching(
      /^b1 of records lies 36\d d in the future: look at the clocks here and on its host; .* one more backup of records ends this$/,
    ),
  ]

  test('stops everything, as long as it is the last that was stored', () => {
    expect(told([2, 2], [-365, 1])).toEqual(future)
  })

  test('is taken for one by a clock that was wrong, once one with a date of the past was stored after it', () => {
    expect(told([2, 2], [-365, 1], [0.5, 0.5])).toEqual([])
  })

  test('goes on stopping where the store says that it is the clock here that is behind, or says nothing', () => {
    expect(told([2, 2], [-365, -365], [0.5, 0.5])).toEqual(future)
    expect(told([2, 2], [-365, undefined], [0.5, 0.5])).toEqual(future)
    expect(told([2, 2], [-365, 1], [0.5, -365])).toEqual(future)
    expect(told([2, 2], [-365, 1], [0.5, undefined])).toEqual(future)
  })
})
