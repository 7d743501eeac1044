import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { expect, test } from 'vitest'
import { backfillsFromBus } from './gather.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 28)
const SOURCES = ['app', 'records'] as const
const MEMBERS = SOURCES.map((sourceId) => ({ policyId: `weekly-${sourceId}`, sourceId }))

type Word = 'proven' | 'stored' | 'disproven' | 'expired'

/** A member of the recovery point so many weeks ago, at aws alone. */
function member(sourceId: (typeof SOURCES)[number], weeksAgo: number, state: Word, more = {}): BackupRecord {
  const at = moment(NOW - (weeksAgo * 7 + 2) * DAY)
  return {
    ...{ backupId: `${sourceId}-${weeksAgo}`, sourceId, policyId: `weekly-${sourceId}`, manifestSha256: 'f' },
    ...{ kind: 'dump', startedAt: at, snapshotAt: at, sealedAt: at, bytes: 1, requiredCopies: 1 },
    set: { point: `weekly.w${weeksAgo}`, setId: 'weekly', members: MEMBERS },
    copies: { aws: { state, storedAt: at }, ...more },
  } as unknown as BackupRecord
}

/** By backup: why the new target is owed it. */
async function owed(records: readonly BackupRecord[], holds: readonly Partial<Hold>[] = []) {
  const bucket = {
    async *entries() {
      for (const value of holds) yield { value }
    },
  }
  const catalog = {
    summaries: async () => SOURCES.map((sourceId) => ({ sourceId })),
    async *all({ sourceId }: { sourceId?: SourceId } = {}) {
      yield* records.filter((record) => record.sourceId === sourceId)
    },
  }
  const fills = backfillsFromBus({ bucket: async () => bucket } as unknown as Bus, catalog as never, {
    keeping: { rulesOf: () => ({ last: 1, minAge: 0, zone: 'UTC' }), walWindowMs: {} },
    targetsOf: () => ['aws', 'new'] as unknown as TargetId[],
    nowMs: NOW,
  })
  const all = await Array.fromAsync(fills)
  return Object.fromEntries(all.flatMap((fill) => fill.owed.map(({ backupId, reasons }) => [backupId, reasons])))
}

test('a target that is added later is owed the newest complete set whole, though members have newer proven siblings', async () => {
  const records = [
    ...[member('app', 0, 'proven'), member('records', 0, 'disproven')],
    ...[member('app', 1, 'proven'), member('records', 1, 'proven')],
    ...[member('app', 2, 'proven'), member('records', 2, 'proven')],
  ]
  const found = await owed(records)
  expect(Object.keys(found).sort()).toEqual(['app-0', 'app-1', 'records-1'])
  expect(found['app-1']).toEqual(['weekly.w1 is the newest complete and proven one of its set'])
})

test('what is held of one source brings the other members of its set with it', async () => {
  const records = [0, 1, 2].flatMap((week) => SOURCES.map((source) => member(source, week, 'proven')))
  const hold = { sourceId: 'app', backupId: 'app-2', by: 'ada', why: 'audit' } as unknown as Hold
  const found = await owed(records, [hold])
  expect(Object.keys(found).sort()).toEqual(['app-0', 'app-2', 'records-0', 'records-2'])
  expect(found['records-2']).toEqual(['app-2 of the same set weekly.w2 stays'])
})

test('a member that is there already, and one that was let go there, keep no other away', async () => {
  const there = { new: { state: 'stored', storedAt: moment(NOW) } }
  const gone = { new: { state: 'expired', storedAt: moment(NOW), expiredAt: moment(NOW) } }
  expect(Object.keys(await owed([member('app', 0, 'proven', there), member('records', 0, 'proven')]))).toEqual([
    'records-0',
  ])
  expect(Object.keys(await owed([member('app', 0, 'proven', gone), member('records', 0, 'proven')]))).toEqual([
    'records-0',
  ])
})
