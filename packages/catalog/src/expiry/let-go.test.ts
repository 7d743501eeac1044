import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { aBackup } from '../conformance/facts.ts'
import { MemoryCatalog } from '../memory-catalog.ts'
import { letGo } from './let-go.ts'
import { PlanSummary } from './plan.ts'
import { ExpiryPlanner } from './planner.ts'

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
    ...{ catalog, holds: [], walPaths: new Map(), sources: SOURCES, nowMs: NOW },
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
  const done = await letGo({ bus: { publish } }, planner, summary, { by: 'ann', undeleteMs: 1, nowMs: NOW })
  expect(done).toEqual({ copies: 2, wal: 0, changed: ['records'] })
  expect(asked).toMatchObject([{ sourceId: 'app' }, { sourceId: 'app' }])
})
