import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Knowledge } from './knowledge.ts'
import { type ExpiryPlan, planExpiry } from './plan.ts'
import { ExpiryPlanner } from './planner.ts'
import type { KeepRules } from './question.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 28)
const SOURCES = ['app', 'records'] as const
const MEMBERS = SOURCES.map((sourceId) => ({ policyId: `weekly-${sourceId}`, sourceId }))

type Word = 'proven' | 'stored' | 'disproven' | 'expected'

/** A member of the recovery point so many weeks ago. */
function member(sourceId: (typeof SOURCES)[number], weeksAgo: number, copies: Record<string, Word>): BackupRecord {
  const atMs = NOW - (weeksAgo * 7 + 2) * DAY
  const at = moment(atMs)
  return {
    ...{ backupId: `${sourceId}-${String(weeksAgo).padStart(2, '0')}`, sourceId, policyId: `weekly-${sourceId}` },
    ...{ kind: 'dump', startedAt: at, snapshotAt: at, sealedAt: at, bytes: 1, requiredCopies: 1 },
    set: { point: `weekly.w${weeksAgo}`, setId: 'weekly', members: MEMBERS },
    copies: Object.fromEntries(
      Object.entries(copies).map(([target, state]) => [
        target,
        { state, ...(state !== 'expected' && { storedAt: at }) },
      ]),
    ),
  } as unknown as BackupRecord
}

interface Asked {
  rules?: Partial<KeepRules>
  holds?: Hold[]
  knowledge?: Partial<Knowledge>
  sources?: readonly string[]
}

function plan(records: readonly BackupRecord[], asked: Asked = {}): Promise<ExpiryPlan> {
  return planExpiry(
    new ExpiryPlanner({
      catalog: {
        async *all({ sourceId } = {}) {
          yield* records.filter((record) => record.sourceId === sourceId)
        },
      },
      ...{
        holds: asked.holds ?? [],
        walPaths: new Map(),
        stayed: new Map(),
        sources: (asked.sources ?? SOURCES) as readonly SourceId[],
        nowMs: NOW,
      },
      keeping: {
        ...{
          rulesOf: () => ({ minAge: 0, zone: 'UTC', ...(asked.rules ?? { last: 1 }) }),
          walWindowMs: {},
          maxShare: 1,
        },
      },
      knowledge: { all: [], passing: [], source: () => [], target: { aws: [], gcp: [] } as never, ...asked.knowledge },
    }),
  )
}

const kept = ({ decisions }: ExpiryPlan) =>
  Object.fromEntries(
    decisions.flatMap(({ copies }) =>
      copies
        .filter((copy) => copy.do === 'keep')
        .map(({ backupId, targetId, reasons }) => [`${backupId} ${targetId}`, reasons]),
    ),
  )

test('the newest complete set stays, though each of its members has newer proven siblings', async () => {
  const records = [
    ...[member('app', 0, { aws: 'proven' }), member('records', 0, { aws: 'disproven' })],
    ...[member('app', 1, { aws: 'disproven' }), member('records', 1, { aws: 'proven' })],
    ...[member('app', 2, { aws: 'proven' }), member('records', 2, { aws: 'proven' })],
    ...[member('app', 3, { aws: 'proven' }), member('records', 3, { aws: 'proven' })],
  ]
  const found = await plan(records)
  expect(found.going.map(({ backupId }) => backupId)).toEqual(['app-03', 'records-03'])
  expect(kept(found)['app-02 aws']).toEqual(['weekly.w2 is the newest complete and proven one of its set'])
})

/** The same, with the date a clock gave it that was so many days ahead; its store took it when it was there. */
function dated(ahead: number, record: BackupRecord): BackupRecord {
  return { ...record, snapshotAt: moment(Date.parse(record.snapshotAt ?? '') + ahead * DAY) }
}

test('a member a clock dated into the future keeps its own set and stops nothing else, and that set is not taken for the newest', async () => {
  const proven = (week: number) => SOURCES.map((source) => member(source, week, { aws: 'proven' }))
  const [app, records] = proven(1) as [BackupRecord, BackupRecord]
  const between = [app, dated(300, records)]
  const found = await plan([...proven(0), ...between, ...proven(2), ...proven(3)])
  expect(found.going.map(({ backupId }) => backupId)).toEqual(['app-02', 'app-03', 'records-02', 'records-03'])
  expect(kept(found)).toMatchObject({
    'records-01 aws': ['its date lies in the future, by a clock that was wrong'],
    'app-01 aws': ['records-01 of the same set weekly.w1 stays'],
  })
  // It is the last of its set, and what says that it is misdated is a dump that is in none.
  const [first, last] = proven(0) as [BackupRecord, BackupRecord]
  const { set: _, ...alone } = member('records', -0.1, { aws: 'proven' })
  const dump = { ...alone, backupId: 'records-alone', policyId: 'daily' } as BackupRecord
  const newest = await plan([first, dated(300, last), dump, ...proven(1), ...proven(2)])
  expect(newest.going.map(({ backupId }) => backupId)).toEqual(['app-02', 'records-02'])
  expect(kept(newest)['app-01 aws']).toContain('weekly.w1 is the newest complete and proven one of its set')
})

test('a member of which nobody knows that it is misdated keeps all of its source, by its name and with what ends it, and all of its sets', async () => {
  const [app, records] = SOURCES.map((source) => member(source, 0, { aws: 'proven' })) as [BackupRecord, BackupRecord]
  const older = [1, 2].flatMap((week) => SOURCES.map((source) => member(source, week, { aws: 'proven' })))
  const found = await plan([app, dated(300, records), ...older])
  expect(found.going).toEqual([])
  expect(kept(found)['records-02 aws']).toEqual([
    'not sure enough: records-00 of records lies 298 d in the future: look at the clocks here and on its host; when they are right, one more backup of records ends this',
  ])
})

test('a hold on one member keeps the others, and says so', async () => {
  const records = [0, 1, 2].flatMap((week) => SOURCES.map((source) => member(source, week, { aws: 'proven' })))
  const hold = { holdId: 'h', sourceId: 'app', backupId: 'app-02', by: 'ada', why: 'audit', at: moment(NOW) } as never
  const found = await plan(records, { holds: [hold] })
  expect(found.going.map(({ backupId }) => backupId)).toEqual(['app-01', 'records-01'])
  expect(kept(found)['records-02 aws']).toEqual(['app-02 of the same set weekly.w2 stays'])
})

test('a plan for one source knows what the other members keep', async () => {
  const records = [0, 1, 2].flatMap((week) => SOURCES.map((source) => member(source, week, { aws: 'proven' })))
  const hold = { holdId: 'h', sourceId: 'app', backupId: 'app-02', by: 'ada', why: 'audit', at: moment(NOW) } as never
  const found = await plan(records, { holds: [hold], sources: ['records'] })
  expect(found.decisions.map(({ sourceId }) => sourceId)).toEqual(['records'])
  expect(found.going.map(({ backupId }) => backupId)).toEqual(['records-01'])
})

test('doubts about one source keep its sets whole, and bring nothing back', async () => {
  const records = [0, 1].flatMap((week) => SOURCES.map((source) => member(source, week, { aws: 'proven' })))
  const knowledge = { source: (source: string) => (source === 'app' ? ['the catalogue is not whole'] : []) }
  const found = await plan(records, { knowledge })
  expect(found.going).toEqual([])
  expect(kept(found)['records-01 aws']).toEqual(['not sure enough: app-01 of the same set weekly.w1 stays'])
})

test('whatever became of copies: members stay or go together at each target, and the newest complete set stays everywhere', async () => {
  const word = fc.constantFrom<Word>('proven', 'stored', 'disproven', 'expected')
  const copies = fc.record({ aws: word, gcp: word })
  const weeks = fc.array(fc.tuple(copies, copies), { minLength: 1, maxLength: 6 })
  const rules = fc.record({ last: fc.integer({ min: 1, max: 3 }) })
  await fc.assert(
    fc.asyncProperty(weeks, rules, async (history, chosen) => {
      const records = history.flatMap(([app, database], week) => [
        member('app', week, app),
        member('records', week, database),
      ])
      const found = await plan(records, { rules: chosen })
      const verdicts = new Map(
        found.decisions.flatMap((one) =>
          one.copies.map((copy) => [`${copy.backupId} ${copy.targetId}`, copy.do] as const),
        ),
      )
      for (const target of ['aws', 'gcp']) {
        const of = (week: number) => SOURCES.map((source) => verdicts.get(`${source}-0${week} ${target}` as never))
        for (const week of history.keys())
          expect(new Set(of(week).filter((one) => one !== undefined)).size).toBeLessThan(2)
        const whole = history.findIndex((both) =>
          both.every(
            (one) => Object.values(one).includes('proven') && ['proven', 'stored'].includes(one[target as 'aws']),
          ),
        )
        if (whole >= 0) expect(of(whole)).toEqual(['keep', 'keep'])
      }
    }),
    { numRuns: 300 },
  )
})
