import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { moment, type PolicyId, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { PRESENCE_BUCKET } from '@lifeboat/shared/service/presence.ts'
import { expect, test } from 'vitest'
import { SURVEYS_BUCKET } from '../audit/buckets.ts'
import { backfillsFromBus } from '../backfill/gather.ts'
import { aBackup } from '../conformance/facts.ts'
import { MemoryCatalog } from '../memory-catalog.ts'
import { WAL_BUCKET } from '../wal-bucket.ts'
import { plannerFromBus } from './gather.ts'
import { planExpiry } from './plan.ts'

const [HOUR, NOW] = [3_600_000, Date.UTC(2026, 8, 26, 12)]
const [AWS, NEW] = ['aws', 'new'] as unknown as [TargetId, TargetId]
const sourceId = 'records' as SourceId

/** A base every hour from two to seven; six and a half hours of WAL are wanted. */
async function world(state: object) {
  const catalog = new MemoryCatalog()
  for (const no of [0, 1, 2, 3, 4, 5]) {
    const backup = aBackup({ no, kind: 'base', targets: [AWS], requiredCopies: 1 })
    for (const fact of [backup.sealed(), backup.stored(AWS), backup.drilled(AWS, 'proven')]) await catalog.apply(fact)
  }
  const survey = { targetId: AWS, at: moment(NOW), unknown: {} }
  const kept: Record<string, object> = {
    [SURVEYS_BUCKET.name]: survey,
    [WAL_BUCKET.name]: { sourceId, ...state },
    [PRESENCE_BUCKET.name]: { service: 'scheduler' },
  }
  const bucket = async ({ name }: { name: string }) => ({
    async *entries() {
      if (kept[name]) yield { value: kept[name], writtenAt: NOW }
    },
  })
  const rulesOf = (_policy: PolicyId, _target: TargetId) => ({ last: 1, minAge: 0, zone: 'UTC' })
  const keeping = { rulesOf, walWindowMs: { [sourceId]: 6.5 * HOUR }, maxShare: 1 }
  const bus = { bucket } as unknown as Bus
  const targets = [{ targetId: AWS, mayRemove: true }]
  const plan = await planExpiry(await plannerFromBus(bus, catalog, { keeping, targets, nowMs: NOW }))
  const given = { keeping, targetsOf: () => [AWS, NEW], nowMs: NOW }
  const [fill] = await Array.fromAsync(backfillsFromBus(bus, catalog, given))
  const no = (backupId: string) => Number(backupId.slice(9, 11)) - 2
  return {
    begins: plan.wal.map(({ anchor }) => no(anchor)),
    why: plan.decisions[0]?.walKept.map(({ reason }) => reason),
    owed: fill?.owed.map(({ backupId }) => no(backupId)),
  }
}

test('the window begins on the way the agent told of, here and at a target that is filled', async () => {
  expect(await world({ timeline: 1 })).toEqual({ begins: [3], why: [], owed: [5, 3] })
  const ancestors = [{ timeline: 1, end: '0/2000100' }]
  expect(await world({ timeline: 2, ancestors })).toEqual({ begins: [1], why: [], owed: [5, 3, 1] })
})

test('of an agent that told of no ancestors nothing is taken for granted: nothing goes, and not everything is copied', async () => {
  const why = ['it is not known which way its timeline came']
  expect(await world({ timeline: 2 })).toEqual({ begins: [], why, owed: [5, 3] })
})
