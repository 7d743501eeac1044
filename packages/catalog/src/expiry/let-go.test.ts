import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { aBackup } from '../conformance/facts.ts'
import { MemoryCatalog } from '../memory-catalog.ts'
import { letGo } from './let-go.ts'
import { PlanSummary } from './plan.ts'
import { ExpiryPlanner } from './planner.ts'
import { wishToLetGo, wishToRemove } from './wishes.ts'

const NOW = Date.UTC(2026, 8, 28)
const SOURCES = ['app', 'records'] as SourceId[]

test('of a source that changed since it was planned nothing is let go, and of the others what was planned', async () => {
  const catalog = new MemoryCatalog()
  const proven = async (no: number, sourceId: SourceId) => {
    const backup = aBackup({ no, sourceId, targets: ['aws'], requiredCopies: 1 })
    for (const fact of [backup.sealed(), backup.stored('aws'), backup.drilled('aws', 'proven')])
      await catalog.apply(fact)
  }
  for (const sourceId of SOURCES) for (const no of [0, 1, 2]) await proven(sourceId === 'app' ? no : 10 + no, sourceId)
  const planner = new ExpiryPlanner({
    ...{ catalog, holds: [], walPaths: new Map(), stayed: new Map(), sources: SOURCES, nowMs: NOW },
    keeping: { rulesOf: () => ({ last: 1, minAge: 0, zone: 'UTC' }), walWindowMs: {}, maxShare: 1 },
    knowledge: { all: [], passing: [], source: () => [], target: { ['aws' as TargetId]: [] } },
  })
  const summary = new PlanSummary()
  for await (const plan of planner.sources()) summary.add(plan)
  expect([summary.going, summary.digests.size]).toEqual([4, 2])
  await proven(14, 'records' as SourceId)
  const asked: unknown[] = []
  const publish = async <T>(_type: MessageType<T>, data: T) => {
    asked.push(data)
    return { duplicate: false, sequence: asked.length }
  }
  const remembered = new Map<string, unknown>()
  const bucket = (async () => ({
    put: async (key: string, value: unknown) => void remembered.set(key, value),
  })) as unknown as Bus['bucket']
  const done = await letGo({ bus: { publish, bucket } }, planner, summary, { by: 'ann', undeleteMs: 1, nowMs: NOW })
  expect(done).toEqual({ copies: 2, wal: 0, changed: ['records'] })
  expect(asked).toMatchObject([{ sourceId: 'app' }, { sourceId: 'app' }])
  expect([...remembered]).toEqual([['app', { at: moment(NOW), stayed: { daily: { aws: 1 } } }]])
})

test('a copy its store has locked is hidden until the lock ends, whatever the undelete window, and its removal is not asked for before', async () => {
  const catalog = new MemoryCatalog()
  const until = new Date(NOW + 30 * DAY).toISOString()
  const [locked, ended, newest] = [0, 1, 2].map((no) => aBackup({ no, targets: ['aws'], requiredCopies: 1 })) as [
    ReturnType<typeof aBackup>,
    ReturnType<typeof aBackup>,
    ReturnType<typeof aBackup>,
  ]
  const past = new Date(NOW - DAY).toISOString()
  const facts = [
    ...[locked.sealed(), locked.stored('aws', 6, until), locked.drilled('aws', 'proven')],
    ...[ended.sealed(), ended.stored('aws', 6, past), ended.drilled('aws', 'proven')],
    ...[newest.sealed(), newest.stored('aws', 6, until), newest.drilled('aws', 'proven')],
  ]
  for (const fact of facts) await catalog.apply(fact)
  const plan = (nowMs: number) =>
    new ExpiryPlanner({
      ...{ catalog, holds: [], walPaths: new Map(), stayed: new Map(), sources: ['records' as SourceId], nowMs },
      keeping: { rulesOf: () => ({ last: 1, minAge: 0, zone: 'UTC' }), walWindowMs: {}, maxShare: 1 },
      knowledge: { all: [], passing: [], source: () => [], target: { ['aws' as TargetId]: [] } },
    }).again('records' as SourceId)
  const asked: Asked[] = []
  const bus = {
    publish: async <T>(_type: MessageType<T>, data: T) => {
      asked.push(data as Asked)
      return { duplicate: false, sequence: asked.length }
    },
  }
  const planned = await plan(NOW)
  expect(planned.decision.copies.map(({ backupId, lockedUntilMs }) => [backupId, lockedUntilMs])).toEqual([
    [newest.backupId, undefined],
    [ended.backupId, undefined],
    [locked.backupId, NOW + 30 * DAY],
  ])
  await wishToLetGo({ bus }, planned, { by: 'ann', undeleteMs: DAY, nowMs: NOW })
  const removeAfter = Object.fromEntries(asked.map((wish) => [wish.backupId, wish.removeAfter]))
  expect(removeAfter).toEqual({
    [ended.backupId]: new Date(NOW + DAY).toISOString(),
    [locked.backupId]: until,
  })
  // Hidden by a mark from before anybody knew of the lock, and the undelete window is over.
  for (const backup of [locked, ended]) await catalog.apply(backup.marked('aws'))
  const removals = async (nowMs: number) => {
    asked.length = 0
    await wishToRemove({ bus, catalog }, (await plan(nowMs)).going, 'ann', nowMs)
    return asked.map(({ backupId }) => backupId)
  }
  expect(await removals(NOW)).toEqual([ended.backupId])
  expect(await removals(NOW + 31 * DAY)).toEqual([ended.backupId, locked.backupId])
})

test('a parent is not removed as long as a child of it is there, hidden or not: one that is locked for longer may still be brought back', async () => {
  const catalog = new MemoryCatalog()
  const [base, newest] = [0, 9].map((no) => aBackup({ no, kind: 'base', targets: ['aws'], requiredCopies: 1 })) as [
    ReturnType<typeof aBackup>,
    ReturnType<typeof aBackup>,
  ]
  const [child, grandchild] = [1, 2].map((no) =>
    aBackup({ no, kind: 'incremental', targets: ['aws'], requiredCopies: 1 }),
  ) as [ReturnType<typeof aBackup>, ReturnType<typeof aBackup>]
  const chained = (backup: ReturnType<typeof aBackup>, parent: string) => {
    const fact = backup.sealed()
    const { physical } = backup.physical as { physical: object }
    return { ...fact, data: { ...fact.data, physical: { ...physical, parent } } } as typeof fact
  }
  const until = new Date(NOW + 30 * DAY).toISOString()
  const facts = [
    ...[base.sealed(), base.stored('aws'), base.drilled('aws', 'proven'), base.marked('aws')],
    ...[chained(child, base.backupId), child.stored('aws'), child.drilled('aws', 'proven'), child.marked('aws')],
    ...[chained(grandchild, child.backupId), grandchild.stored('aws', 6, until)],
    ...[grandchild.drilled('aws', 'proven'), grandchild.marked('aws')],
    ...[newest.sealed(), newest.stored('aws'), newest.drilled('aws', 'proven')],
    ...[chained(aBackup({ no: 10, kind: 'incremental' }), newest.backupId)],
  ]
  for (const fact of facts) await catalog.apply(fact)
  const last = aBackup({ no: 10, kind: 'incremental' })
  for (const fact of [last.stored('aws'), last.drilled('aws', 'proven')]) await catalog.apply(fact)
  const removals = async (nowMs: number) => {
    const asked: Asked[] = []
    const publish = async <T>(_type: MessageType<T>, data: T) => {
      asked.push(data as Asked)
      return { duplicate: false, sequence: asked.length }
    }
    const { going } = await new ExpiryPlanner({
      ...{ catalog, holds: [], walPaths: new Map(), stayed: new Map(), sources: ['records' as SourceId], nowMs },
      keeping: { rulesOf: () => ({ last: 1, minAge: 0, zone: 'UTC' }), walWindowMs: {}, maxShare: 1 },
      knowledge: { all: [], passing: [], source: () => [], target: { ['aws' as TargetId]: [] } },
    }).again('records' as SourceId)
    expect(await wishToRemove({ bus: { publish }, catalog }, going, 'ann', nowMs)).toBe(asked.length)
    return asked.map(({ backupId }) => backupId)
  }
  expect(await removals(NOW)).toEqual([])
  const later = NOW + 31 * DAY
  for (const backup of [grandchild, child, base]) {
    expect(await removals(later)).toEqual([backup.backupId])
    // Refused, or not done yet: the parents wait for the fact.
    expect(await removals(later)).toEqual([backup.backupId])
    await catalog.apply(backup.expired('aws'))
  }
  expect(await removals(later)).toEqual([])
})

type Asked = { backupId: string; removeAfter: string }
const DAY = 86_400_000
