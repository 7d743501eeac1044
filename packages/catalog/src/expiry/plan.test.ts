import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { describe, expect, test } from 'vitest'
import type { TargetSurvey } from '../audit/buckets.ts'
import { aBackup } from '../conformance/facts.ts'
import { MemoryCatalog } from '../memory-catalog.ts'
import type { BackupFact } from '../project.ts'
import type { Stayed } from './buckets.ts'
import { type KnowledgeFacts, knowledgeOf } from './knowledge.ts'
import { planExpiry } from './plan.ts'
import { ExpiryPlanner } from './planner.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 8, 28)
const AWS = 'aws' as TargetId

const survey = (over: Partial<TargetSurvey> = {}): TargetSurvey => ({
  ...{ targetId: AWS, at: moment(NOW - HOUR), objects: 1, bytes: 1, backups: 1, missing: 0, damaged: 0, unknown: {} },
  orphans: { objects: 0, bytes: 0 },
  ...over,
})
const facts = (over: Partial<KnowledgeFacts> = {}): KnowledgeFacts => ({
  targets: [{ targetId: AWS, mayRemove: true }],
  surveys: new Map([[AWS, survey()]]),
  ...{ lastSeenMs: NOW - 1000, schedulerSeenMs: NOW - 1000, nowMs: NOW },
  ...over,
})

const RECORDS = 'records' as SourceId
const backupOf = (no: number, over: Parameters<typeof aBackup>[0] = {}) =>
  aBackup({ no, targets: ['aws'], requiredCopies: 1, ...over })

/** Proven copies of a source, one an hour, and what else was told of them. */
async function plan(
  over: Partial<KnowledgeFacts> = {},
  {
    last = 2,
    maxShare = 1,
    count = 8,
    kind = 'dump' as 'dump' | 'base',
    sources = [RECORDS],
    holds = [] as Hold[],
    told = [] as BackupFact[],
    windowMs = undefined as number | undefined,
    stayed = new Map<SourceId, Stayed>(),
  } = {},
) {
  const catalog = new MemoryCatalog()
  for (const sourceId of sources)
    for (let no = 0; no < count; no += 1) {
      const backup = backupOf(sourceId === RECORDS ? no : 10 + no, { sourceId, kind })
      for (const fact of [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'proven')])
        await catalog.apply(fact)
    }
  for (const fact of told) await catalog.apply(fact)
  const walWindowMs = windowMs === undefined ? {} : { [RECORDS]: windowMs }
  const keeping = { rulesOf: () => ({ last, minAge: 0, zone: 'UTC' }), walWindowMs, maxShare }
  const knowledge = knowledgeOf(facts(over))
  const walPaths = new Map([[RECORDS, pathTo(1)]])
  return planExpiry(
    new ExpiryPlanner({ catalog, holds, walPaths, stayed, sources, keeping, knowledge, nowMs: over.nowMs ?? NOW }),
  )
}

test('the digest is the same while the same copies are to go, whenever it is asked, and another when more are', async () => {
  const first = await plan()
  expect(first.going).toHaveLength(6)
  expect((await plan({ nowMs: NOW + 60_000, lastSeenMs: NOW + 60_000, schedulerSeenMs: NOW + 60_000 })).digest).toBe(
    first.digest,
  )
  expect((await plan({}, { last: 3 })).digest).not.toBe(first.digest)
})

test('the digest is another when more WAL is to go, and the same in whatever order the sources are named', async () => {
  const digestOf = async (windowMs: number) => {
    const { wal, going, digest } = await plan({}, { kind: 'base', last: 8, windowMs })
    expect([wal.length, going.length]).toEqual([1, 0])
    return digest
  }
  expect(await digestOf(43 * HOUR)).toBe(await digestOf(43 * HOUR))
  expect(await digestOf(43 * HOUR)).not.toBe(await digestOf(40 * HOUR))
  const [app, records] = ['app' as SourceId, RECORDS]
  const [one, other] = [await plan({}, { sources: [records, app] }), await plan({}, { sources: [app, records] })]
  expect([one.going.length, one.digest]).toEqual([12, other.digest])
})

test('why WAL stays is told of sources whose WAL is kept', async () => {
  const reasons = async (windowMs?: number) =>
    (await plan({}, { kind: 'base', windowMs })).decisions[0]?.walKept.map(({ reason }) => reason)
  expect(await reasons(100 * HOUR)).toEqual(['no proven base is older than the window'])
  expect(await reasons()).toEqual([])
})

test('three copies of a policy go by their reasons alone, and of more the share itself is allowed', async () => {
  expect((await plan({}, { count: 4, last: 1, maxShare: 0.7 })).excess).toEqual([])
  expect((await plan({}, { count: 5, last: 1, maxShare: 0.7 })).excess).toEqual([
    '4 of the 5 backups of daily of records at aws would go, and nothing is known of a time before',
  ])
  expect((await plan({}, { maxShare: 0.75 })).excess).toEqual([])
})

test('a hold counts for its own source, until it is released', async () => {
  const hold = (over: object) =>
    ({ holdId: 'h', sourceId: RECORDS, by: 'ada', why: 'audit', at: moment(NOW), ...over }) as unknown as Hold
  const going = async (over: object) => (await plan({}, { holds: [hold(over)] })).going.length
  expect(await going({})).toBe(0)
  expect(await going({ released: { by: 'ada', why: 'over', at: moment(NOW) } })).toBe(6)
  expect(await going({ sourceId: 'app' })).toBe(6)
})

describe('a copy that is hidden already', () => {
  const [oldest, newest] = [backupOf(0), backupOf(7)]
  const mark = (backup: typeof oldest, name: string, removeAfterMs: number): BackupFact => {
    const fact = backup.marked('aws', name)
    return { ...fact, data: { ...fact.data, removeAfter: moment(removeAfterMs) } } as BackupFact
  }

  test('frees no more bytes, and goes at the time of the mark that counts', async () => {
    const told = [mark(oldest, 'aaaaaa', NOW + HOUR), oldest.unmarked('aws', 'aaaaaa'), mark(oldest, 'bbbbbb', NOW)]
    const [fresh, found] = [await plan(), await plan({}, { told })]
    expect(fresh.bytes - found.bytes).toBe(1000)
    const hidden = found.going.filter(({ marked }) => marked)
    expect(hidden).toMatchObject([{ backupId: oldest.backupId, removeAfter: moment(NOW) }])
  })

  test('comes back when it is to stay, and not while that is in doubt', async () => {
    const told = [mark(newest, 'aaaaaa', NOW)]
    expect((await plan({}, { told })).returning).toMatchObject([{ backupId: newest.backupId }])
    expect((await plan({ surveys: new Map() }, { told })).returning).toEqual([])
  })
})

test('rules with a typo that match nearly everything need a person', async () => {
  const { excess } = await plan({}, { last: 1, maxShare: 0.7 })
  expect(excess).toEqual([
    '7 of the 8 backups of daily of records at aws would go, and nothing is known of a time before',
  ])
  expect((await plan({}, { last: 3, maxShare: 0.7 })).excess).toEqual([])
})

test('where it is known what stayed the last time, far fewer need a person, and as many go however many have come since', async () => {
  const before = (aws: number) => new Map([[RECORDS, { at: moment(NOW), stayed: { daily: { aws } } } as Stayed]])
  const excess = async (last: number, aws: number) =>
    (await plan({}, { last, maxShare: 0.7, stayed: before(aws) })).excess
  expect(await excess(1, 1)).toEqual([])
  expect(await excess(3, 10)).toEqual([])
  expect(await excess(2, 10)).toEqual(['2 of the 8 backups of daily of records at aws would stay; 10 stayed last time'])
})

test.each<[string, Partial<KnowledgeFacts>, RegExp]>([
  ['a target that was never listed', { surveys: new Map() }, /never listed/],
  [
    'a target that was not listed since yesterday',
    { surveys: new Map([[AWS, survey({ at: moment(NOW - 21 * HOUR) })]]) },
    /not listed for 21 h/,
  ],
  [
    'a look that is not believed',
    { surveys: new Map([[AWS, survey({ doubt: '5 of 8 backups are not there' })]]) },
    /not believed/,
  ],
  [
    'a target without removal credentials',
    { targets: [{ targetId: AWS, mayRemove: false }] },
    /no removal credentials/,
  ],
  [
    'backups there that the catalogue does not know',
    { surveys: new Map([[AWS, survey({ unknown: { ['records' as SourceId]: 4 } })]]) },
    /4 of its backups at aws are not in the catalogue/,
  ],
  ['no scheduler that keeps the catalogue up to date', { schedulerSeenMs: NOW - HOUR }, /no scheduler is running/],
  ['a clock behind that of the bus', { lastSeenMs: NOW + HOUR }, /clock here is 1 h behind/],
])('%s lets nothing go', async (_name, over, reason) => {
  const { going, decisions } = await plan(over)
  expect(going).toEqual([])
  expect(decisions[0]?.copies[0]?.reasons.join()).toMatch(reason)
})

test('a target that was taken out of the configuration keeps everything', async () => {
  const { going, wal, decisions } = await plan({ targets: [{ targetId: 'gcp' as TargetId, mayRemove: true }] })
  expect([going, wal]).toEqual([[], []])
  expect(decisions[0]?.copies[7]).toMatchObject({
    do: 'keep',
    reasons: ['not sure enough: aws is not configured any more; what lies there stays'],
  })
})
