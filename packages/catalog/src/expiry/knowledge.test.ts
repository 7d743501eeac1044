import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { TargetSurvey } from '../audit/buckets.ts'
import { type KnowledgeFacts, knowledgeOf, lastSeen } from './knowledge.ts'

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]
const NOW = Date.UTC(2026, 8, 28)
const AWS = 'aws' as TargetId

function know({ listedMs = NOW - HOUR, ...over }: Partial<KnowledgeFacts> & { listedMs?: number } = {}) {
  const survey = { targetId: AWS, at: moment(listedMs), unknown: {} } as unknown as TargetSurvey
  return knowledgeOf({
    targets: [{ targetId: AWS, mayRemove: true }],
    surveys: new Map([[AWS, survey]]),
    ...{ lastSeenMs: NOW - SECOND, schedulerSeenMs: NOW - SECOND, nowMs: NOW },
    ...over,
  })
}

test('a clock that is ten minutes behind that of the bus is none to be sure by, one that is less so is', () => {
  expect(know({ lastSeenMs: NOW + 10 * MINUTE }).all).toEqual([])
  expect(know({ lastSeenMs: NOW + 10 * MINUTE + SECOND }).all).toEqual([
    expect.stringContaining('behind that of the bus'),
  ])
  expect(know({ lastSeenMs: undefined }).all).toEqual([])
})

test('a scheduler that was not heard of for two minutes keeps no catalogue up to date', () => {
  expect(know({ schedulerSeenMs: NOW - 2 * MINUTE }).all).toEqual([])
  for (const schedulerSeenMs of [NOW - 2 * MINUTE - SECOND, undefined])
    expect(know({ schedulerSeenMs }).all).toEqual([expect.stringContaining('no scheduler is running')])
})

test('a look at a target is believed for twenty hours, and one from the future is not', () => {
  const doubts = (listedMs: number) => know({ listedMs }).target[AWS]
  expect(doubts(NOW - 20 * HOUR)).toEqual([])
  expect(doubts(NOW - 20 * HOUR - SECOND)).toEqual([expect.stringContaining('was not listed for')])
  expect(doubts(NOW + 10 * MINUTE)).toEqual([])
  expect(doubts(NOW + 10 * MINUTE + SECOND)).toEqual([expect.stringContaining('listed in the future')])
})

test('a clock that was not that of the store when a target was listed is none to be sure by, wherever it would let go', () => {
  const doubts = (clockAheadMs: number, listedMs = NOW - HOUR) =>
    know({
      surveys: new Map([
        ['nas' as TargetId, { targetId: 'nas', at: moment(NOW), unknown: {} } as unknown as TargetSurvey],
        [AWS, { targetId: AWS, at: moment(listedMs), unknown: {}, clockAheadMs } as unknown as TargetSurvey],
      ]),
      targets: ['aws', 'nas'].map((id) => ({ targetId: id as TargetId, mayRemove: id === 'nas' })),
    }).all
  for (const ms of [0, 10 * MINUTE, -10 * MINUTE]) expect(doubts(ms)).toEqual([])
  expect(doubts(20 * 24 * HOUR)).toEqual([
    'a clock was 20 d ahead of that of aws when it was listed; set it right, then lifeboat target audit aws',
  ])
  expect(doubts(-11 * MINUTE)).toEqual([expect.stringMatching(/^a clock was 11 min behind that of aws when/)])
  // What it says is old, and so is not believed at all.
  expect(doubts(20 * 24 * HOUR, NOW - 21 * HOUR)).toEqual([])
})

test('of a source that is known everywhere nothing is in doubt', () => {
  expect(know().source('records' as SourceId)).toEqual([])
})

test('the newest sign of life counts, of anybody and of schedulers alone, in whatever order they stand', async () => {
  const seen = (...all: [service: string, writtenAt: number][]) =>
    lastSeen({
      async *entries() {
        for (const [service, writtenAt] of all) yield { value: { service }, writtenAt }
      },
    } as never)
  const [early, late, latest] = [1, 2, 3] as const
  expect(await seen(['scheduler', late], ['scheduler', early], ['uploader', latest], ['uploader', early])).toEqual({
    ...{ lastSeenMs: latest, schedulerSeenMs: late },
  })
  expect(await seen(['uploader', early])).toEqual({ lastSeenMs: early, schedulerSeenMs: undefined })
  expect(await seen()).toEqual({ lastSeenMs: undefined, schedulerSeenMs: undefined })
})
