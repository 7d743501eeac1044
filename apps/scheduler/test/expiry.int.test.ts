import { EXPIRY_OUTCOME_KEY } from '@lifeboat/catalog/expiry/buckets.ts'
import type { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { HoldPlaced } from '@lifeboat/shared/bus/messages/expiry.ts'
import { moment, type PolicyId, type RecoveryPointId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { ExpiryRounds } from '../src/expiry.ts'
import { holdMember } from '../src/handlers/hold-member.ts'
import type { Plan } from '../src/plans.ts'
import { aMoment, schedulerWorld } from './scheduler-world.ts'

const NOW = '2026-09-26T12:00:00.000Z'
const HOUR = 3_600_000
const delivery = { attempt: 1, publishedAt: 0, signal: new AbortController().signal, log: silentLogger }

test('a backup of a set is held once however often it is told of, and a hold that was released does not come back', async () => {
  await using world = await schedulerWorld(NOW)
  const deps = await world.scheduler([])
  const setId = 'archive' as PolicyId
  const member = { policyId: 'daily' as PolicyId, sourceId: 'records' }
  const plans = [{ ...member, set: { setId, hold: 'kept for the auditor' } }] as unknown as Plan[]
  const placed = await world.collect(HoldPlaced)
  const point = 'archive.20260926T110000Z' as RecoveryPointId
  const { sealed } = smallCopy({ targets: ['aws'], atMs: world.clock.now() - HOUR })
  const backup = { ...sealed, set: { setId, point, members: [member] } } as BackupSealed
  const hold = holdMember({ ...deps, plans })
  await hold(backup, delivery)
  await hold(backup, delivery)
  const held = async () => (await Array.fromAsync(deps.holds.entries())).map(({ value }) => value)
  const [first, ...more] = await held()
  expect([first, more]).toMatchObject([
    { backupId: backup.backupId, why: 'kept for the auditor', by: 'policy archive' },
    [],
  ])
  await until(
    () => placed.length,
    (count) => count > 0,
  )
  await aMoment()
  expect(placed).toHaveLength(1)
  if (!first) throw new Error('nothing is held')
  const released = { by: 'ann', why: 'the audit is over', at: moment(world.clock.now()) }
  await deps.holds.put(first.holdId, { ...first, released })
  await hold(backup, delivery)
  expect(await held()).toEqual([{ ...first, released }])
})

test.each([true, false])('what came of an expiry that was due is written down (auto %s)', async (auto) => {
  await using world = await schedulerWorld(NOW)
  const schedule = { cron: '0 13 * * *', zone: 'UTC', jitter: 0 }
  const expiry = {
    ...{ auto, schedule, undeleteMs: 0, targets: [] },
    keeping: { rulesOf: () => undefined, walWindowMs: {}, maxShare: 1 },
  }
  const deps = await world.scheduler([], { expiry })
  const rounds = new ExpiryRounds(deps)
  await rounds.round()
  expect(await deps.expiryOutcome.get(EXPIRY_OUTCOME_KEY)).toBeUndefined()
  world.clock.forward(HOUR + 1000)
  await rounds.round()
  const outcome = (await deps.expiryOutcome.get(EXPIRY_OUTCOME_KEY))?.value
  expect(outcome).toMatchObject({ at: moment(world.clock.now()), going: 0, refused: [] })
})
