import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { TargetSurvey } from '../audit/buckets.ts'
import { aBackup } from '../conformance/facts.ts'
import { MemoryCatalog } from '../memory-catalog.ts'
import { type KnowledgeFacts, knowledgeOf } from './knowledge.ts'
import { planExpiry } from './plan.ts'

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

async function plan(over: Partial<KnowledgeFacts> = {}, { last = 2, maxShare = 1 } = {}) {
  const catalog = new MemoryCatalog()
  for (let no = 0; no < 8; no += 1) {
    const backup = aBackup({ no, targets: ['aws'], requiredCopies: 1 })
    for (const fact of [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'proven')])
      await catalog.apply(fact)
  }
  const keeping = { rulesOf: () => ({ last, minAge: 0, zone: 'UTC' }), walWindowMs: {}, maxShare }
  const knowledge = knowledgeOf(facts(over))
  return planExpiry({
    catalog,
    holds: [],
    walPaths: new Map(),
    sources: ['records' as SourceId],
    keeping,
    knowledge,
    nowMs: over.nowMs ?? NOW,
  })
}

test('the digest is the same while the same copies are to go, whenever it is asked, and another when more are', async () => {
  const first = await plan()
  expect(first.going).toHaveLength(6)
  expect((await plan({ nowMs: NOW + 60_000, lastSeenMs: NOW + 60_000, schedulerSeenMs: NOW + 60_000 })).digest).toBe(
    first.digest,
  )
  expect((await plan({}, { last: 3 })).digest).not.toBe(first.digest)
})

test('rules with a typo that match nearly everything need a person', async () => {
  const { excess } = await plan({}, { last: 1, maxShare: 0.7 })
  expect(excess).toEqual(['7 of the 8 backups of records at aws would go'])
  expect((await plan({}, { last: 3, maxShare: 0.7 })).excess).toEqual([])
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
