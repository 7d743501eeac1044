import { deepEqual, equal } from 'node:assert/strict'
import type { Catalog } from '../catalog.ts'
import { RECENT_ROWS } from '../summarize.ts'
import { aBackup } from './facts.ts'

export interface CatalogCase {
  name: string
  check: (catalog: Catalog) => Promise<void>
}

/** What every catalogue promises; each case is given an empty one. */
export const CATALOG_CASES: readonly CatalogCase[] = [
  {
    name: 'an empty catalogue knows nothing and says so without an error',
    async check(catalog) {
      const { backupId, sourceId } = aBackup()
      equal(await catalog.get(backupId), undefined)
      equal(await catalog.summary(sourceId), undefined)
      deepEqual(await catalog.summaries(), [])
      deepEqual(await catalog.list({ limit: 10 }), [])
      equal(await catalog.count(), 0)
    },
  },
  {
    name: 'a backup goes from running over sealed and stored to proven, and its summary with it',
    async check(catalog) {
      const backup = aBackup()
      const state = async () => (await catalog.list({ limit: 1 }))[0]?.state
      await catalog.apply(backup.started())
      equal(await state(), 'running')
      await catalog.apply(backup.sealed())
      equal(await state(), 'sealed')
      await catalog.apply(backup.stored('aws', 6))
      equal(await state(), 'sealed')
      await catalog.apply(backup.stored('gcp', 7))
      equal(await state(), 'stored')
      await catalog.apply(backup.drilled('gcp', 'proven', 9))
      equal(await state(), 'proven')
      const summary = await catalog.summary(backup.sourceId)
      deepEqual(summary?.lastSealed, { backupId: backup.backupId, at: backup.moment(5), bytes: 1000 })
      deepEqual(summary?.lastStored, { backupId: backup.backupId, at: backup.moment(7) })
      const { backupId, moment } = backup
      deepEqual(summary?.lastProven, { backupId, at: moment(9), snapshotAt: moment(1), targetId: 'gcp' })
    },
  },
  {
    name: 'a copy heard of before its backup is kept and shown once the backup is known',
    async check(catalog) {
      const backup = aBackup()
      await catalog.apply(backup.stored('aws'))
      equal(await catalog.get(backup.backupId), undefined)
      deepEqual(await catalog.list({ limit: 10 }), [])
      await catalog.apply(backup.started())
      equal((await catalog.get(backup.backupId))?.copies['aws' as never]?.state, 'stored')
    },
  },
  {
    name: 'a drill that disproves the last proven backup gives the honour back to the one before',
    async check(catalog) {
      const [first, second] = [aBackup({ no: 1 }), aBackup({ no: 2 })]
      for (const backup of [first, second])
        for (const fact of [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'proven')])
          await catalog.apply(fact)
      equal((await catalog.summary(first.sourceId))?.lastProven?.backupId, second.backupId)
      await catalog.apply(second.drilled('aws', 'failed', 20))
      equal((await catalog.summary(first.sourceId))?.lastProven?.backupId, first.backupId)
      equal((await catalog.get(second.backupId))?.copies['aws' as never]?.state, 'disproven')
    },
  },
  {
    name: 'a drill without a conclusion changes no state and is remembered as the last one',
    async check(catalog) {
      const backup = aBackup()
      for (const fact of [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'proven', 10)])
        await catalog.apply(fact)
      await catalog.apply(backup.drilled('aws', 'inconclusive', 11))
      const copy = (await catalog.get(backup.backupId))?.copies['aws' as never]
      equal(copy?.state, 'proven')
      equal(copy?.lastDrill?.verdict, 'inconclusive')
    },
  },
  {
    name: 'a failed attempt is listed with its error and takes no place of a good one',
    async check(catalog) {
      const [good, bad] = [aBackup({ no: 1 }), aBackup({ no: 2 })]
      for (const fact of [good.started(), good.sealed(), bad.started(), bad.failed()]) await catalog.apply(fact)
      deepEqual(
        (await catalog.list({ limit: 10 })).map(({ state }) => state),
        ['failed', 'sealed'],
      )
      equal((await catalog.get(bad.backupId))?.error?.code, 'TOOL_FAILED')
      equal((await catalog.get(bad.backupId, bad.sourceId))?.error?.code, 'TOOL_FAILED')
      equal((await catalog.summary(good.sourceId))?.lastSealed?.backupId, good.backupId)
    },
  },
  {
    name: 'lists are newest first over all sources, or of one source, and end at the limit',
    async check(catalog) {
      for (const no of [3, 1, 4, 2])
        await catalog.apply(aBackup({ no, sourceId: no % 2 === 0 ? 'even' : 'odd' }).sealed())
      const ids = async (opts: { sourceId?: never; limit: number }) =>
        (await catalog.list(opts)).map(({ backupId }) => backupId)
      deepEqual(
        await ids({ limit: 3 }),
        [4, 3, 2].map((no) => aBackup({ no }).backupId),
      )
      deepEqual(
        await ids({ sourceId: 'odd' as never, limit: 9 }),
        [3, 1].map((no) => aBackup({ no }).backupId),
      )
      deepEqual(
        (await catalog.summaries()).map(({ sourceId }) => sourceId),
        ['even', 'odd'],
      )
      equal(await catalog.count(), 4)
      equal((await Array.fromAsync(catalog.all({ sourceId: 'even' as never }))).length, 2)
    },
  },
  {
    name: 'a summary keeps the newest rows only, and a longer list still finds the others',
    async check(catalog) {
      const many = RECENT_ROWS + 6
      for (let no = 0; no < many; no += 1) await catalog.apply(aBackup({ no }).sealed())
      const { sourceId } = aBackup()
      const recent = (await catalog.summary(sourceId))?.recent ?? []
      equal(recent.length, RECENT_ROWS)
      equal(recent[0]?.backupId, aBackup({ no: many - 1 }).backupId)
      equal((await catalog.list({ limit: 1000 })).length, many)
      equal((await catalog.list({ sourceId, limit: 1000 })).at(-1)?.backupId, aBackup({ no: 0 }).backupId)
      await catalog.apply(aBackup({ no: 0 }).drilled('aws', 'proven'))
      equal((await catalog.summary(sourceId))?.lastProven?.backupId, aBackup({ no: 0 }).backupId)
      equal((await catalog.summary(sourceId))?.recent.length, RECENT_ROWS)
    },
  },
  {
    name: 'a summary remembers bases long after newer dumps came, and the oldest one for good',
    async check(catalog) {
      const first = aBackup({ no: 0, kind: 'base', requiredCopies: 1 })
      const second = aBackup({ no: 1, kind: 'base', requiredCopies: 1 })
      for (const backup of [second, first])
        for (const fact of [backup.sealed(), backup.stored('aws')]) await catalog.apply(fact)
      for (let no = 2; no < RECENT_ROWS + 3; no += 1) await catalog.apply(aBackup({ no }).sealed())
      const summary = await catalog.summary(first.sourceId)
      deepEqual(
        summary?.olderPhysical?.map(({ backupId }) => backupId),
        [second.backupId, first.backupId],
      )
      equal(summary?.firstBase?.physical?.endLsn, '0/1000100')
      deepEqual(summary?.firstStored, { backupId: first.backupId, at: first.moment(1) })
      await catalog.apply(first.drilled('aws', 'failed'))
      equal((await catalog.summary(first.sourceId))?.firstBase?.backupId, second.backupId)
    },
  },
  {
    name: 'a summary keeps how long the last drills took to bring the data back, five of each kind',
    async check(catalog) {
      for (let no = 0; no < 7; no += 1) {
        const backup = aBackup({ no, kind: no < 6 ? 'dump' : 'base' })
        for (const fact of [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'proven', 10 + no)])
          await catalog.apply(fact)
      }
      const times = async () => (await catalog.summary(aBackup().sourceId))?.rehearsals?.map((one) => one.recoveryMs)
      deepEqual(await times(), [16_000, 15_000, 14_000, 13_000, 12_000, 11_000])
      await catalog.apply(aBackup({ no: 3 }).drilled('aws', 'failed', 50))
      deepEqual(await times(), [16_000, 15_000, 14_000, 12_000, 11_000, 10_000])
    },
  },
  {
    name: 'writers at the same time lose nothing of each other',
    async check(catalog) {
      const backups = [1, 2, 3].map((no) => aBackup({ no }))
      const facts = backups.flatMap((backup) => [
        backup.started(),
        backup.sealed(),
        backup.stored('aws', 6),
        backup.stored('gcp', 7),
        backup.drilled('aws', 'proven'),
      ])
      await Promise.all([...facts, ...facts.toReversed()].map((fact) => catalog.apply(fact)))
      const rows = await catalog.list({ limit: 10 })
      deepEqual(
        rows.map(({ state }) => state),
        ['proven', 'proven', 'proven'],
      )
      const summary = await catalog.summary(aBackup().sourceId)
      deepEqual(summary?.recent, rows)
      equal(summary?.lastStored?.backupId, backups[2]?.backupId)
      equal(summary?.lastProven?.backupId, backups[2]?.backupId)
    },
  },
  {
    name: 'a backup of long ago that a look found damaged stays in view until it is whole again',
    async check(catalog) {
      const old = aBackup({ no: 0 })
      const seen = async () => (await catalog.summary(old.sourceId))?.olderBad?.map(({ backupId }) => backupId)
      for (let no = 0; no <= RECENT_ROWS; no += 1) {
        await catalog.apply(aBackup({ no }).sealed())
        await catalog.apply(aBackup({ no }).stored('aws'))
      }
      equal(await seen(), undefined)
      await catalog.apply(old.audited('aws', 'damaged', 20))
      deepEqual(await seen(), [old.backupId])
      await catalog.apply(aBackup({ no: RECENT_ROWS + 1 }).sealed())
      deepEqual(await seen(), [old.backupId])
      await catalog.apply(old.remade('aws', 25))
      equal(await seen(), undefined)
    },
  },
  {
    name: 'a member of a set stays in view behind many newer backups of its source',
    async check(catalog) {
      const member = aBackup({ no: 0, ofSet: 'weekly' })
      for (const backup of [member, ...Array.from({ length: RECENT_ROWS }, (_, no) => aBackup({ no: no + 1 }))])
        await catalog.apply(backup.sealed())
      const seen = async () => (await catalog.summary(member.sourceId))?.olderOfSets?.map(({ state }) => state)
      deepEqual(await seen(), ['sealed'])
      for (const target of ['aws', 'gcp']) await catalog.apply(member.stored(target))
      await catalog.apply(member.drilled('aws', 'proven'))
      deepEqual(await seen(), ['proven'])
    },
  },
]
