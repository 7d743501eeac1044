import { SURVEYS_BUCKET, type TargetSurvey } from '@lifeboat/catalog/audit/buckets.ts'
import { EXPIRY_OUTCOME_KEY, EXPIRY_WATCH_KEY, STAYED_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import type { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import {
  CopyExpiryRequested,
  ExpirySettled,
  HoldPlaced,
  WalExpiryRequested,
} from '@lifeboat/shared/bus/messages/expiry.ts'
import {
  moment,
  type PolicyId,
  type RecoveryPointId,
  type SourceId,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { PRESENCE_BUCKET } from '@lifeboat/shared/service/presence.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { whenFacts } from '@lifeboat/testkit/facts.ts'
import { smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import type { SchedulerDeps } from '../src/deps.ts'
import { ExpiryRounds } from '../src/expiry.ts'
import { holdMember } from '../src/handlers/hold-member.ts'
import type { Plan } from '../src/plans.ts'
import { aMoment, type SchedulerWorld, schedulerWorld } from './scheduler-world.ts'

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
  await using world = await schedulerWorld(new Date().toISOString())
  const schedule = { cron: '* * * * * *', zone: 'UTC' }
  const expiry = {
    ...{ auto, schedule, undeleteMs: 0, targets: [] },
    keeping: { rulesOf: () => undefined, walWindowMs: {}, maxShare: 1 },
  }
  const deps = await world.scheduler([], { expiry })
  await isPresent(world)
  const rounds = new ExpiryRounds(deps)
  await rounds.round()
  expect(await deps.expiryOutcome.get(EXPIRY_OUTCOME_KEY)).toBeUndefined()
  world.clock.forward(1500)
  await rounds.round()
  const outcome = (await deps.expiryOutcome.get(EXPIRY_OUTCOME_KEY))?.value
  expect(outcome).toMatchObject({ at: moment(world.clock.now()), going: 0, refused: [] })
  expect(await whenFacts(world.bus, ExpirySettled, () => true, { count: 1 })).toEqual([outcome])
  expect(outcome).toMatchObject({ did: auto ? 'applied' : 'planned' })
})

async function isPresent({ bus, clock }: Pick<SchedulerWorld, 'bus' | 'clock'>): Promise<void> {
  const at = moment(clock.now())
  const presence = { service: 'scheduler', id: 'scheduler', instance: 'i1', startedAt: at, at, version: '1' }
  await (await bus.bucket(PRESENCE_BUCKET)).put('scheduler.scheduler.i1', presence)
}

/** Six proven bases of one source, of which its rules keep one, at a target that was looked at and may be removed from. */
async function sixProven(given: { auto: boolean; maxShare: number; cron?: string }) {
  const world = await schedulerWorld(new Date().toISOString())
  const { bus, clock } = world
  const [aws, records] = ['aws' as TargetId, 'records' as SourceId]
  const schedule = { cron: given.cron ?? '* * * * * *', zone: 'UTC' }
  const keeping = {
    ...{ rulesOf: () => ({ last: 1, minAge: 0, zone: 'UTC' }), walWindowMs: { [records]: 2.5 * HOUR } },
    maxShare: given.maxShare,
  }
  const expiry = {
    ...{ auto: given.auto, schedule, undeleteMs: HOUR, keeping },
    targets: [{ targetId: aws, mayRemove: true }],
  }
  const deps = await world.scheduler([], { expiry })
  const copies = [6, 5, 4, 3, 2, 1].map((hours) => smallCopy({ targets: [aws], atMs: clock.now() - hours * HOUR }))
  for (const { sealed, stored } of copies) {
    const { backupId, sourceId, policyId, kind } = sealed
    const drilled = {
      ...{ backupId, sourceId, policyId, kind, targetId: aws, verdict: 'proven', reasons: [], durationMs: 1 },
      ...{ runId: `drill.${backupId}`, drillId: `${backupId.slice(0, 16)}-drill-aaaaaa`, recoveryMs: 1 },
      finishedAt: moment(clock.now()),
    }
    await deps.catalog.apply({ subject: 'backup.sealed', data: sealed })
    await deps.catalog.apply({ subject: 'copy.stored', data: stored(aws) })
    await deps.catalog.apply({ subject: 'drill.finished', data: drilled as unknown as DrillFinished })
  }
  const at = moment(clock.now())
  const survey = { targetId: aws, at, objects: 1, bytes: 1, backups: 6, missing: 0, damaged: 0, unknown: {} }
  await (await bus.bucket(SURVEYS_BUCKET)).put(aws, { ...survey, orphans: { objects: 0, bytes: 0 } } as TargetSurvey)
  const wal = {
    ...{ sourceId: records, agentId: 'db1', systemIdentifier: '7', segmentBytes: 1 << 24, status: 'streaming', at },
    ...{ timeline: 1, serverLsn: '0/9000000', receivedLsn: '0/9000000', safe: { lsn: '0/9000000', at }, targets: {} },
    slot: { name: 'lifeboat_records', retainedBytes: 0, warnBytes: 1, giveUpBytes: 2 },
  }
  await deps.wal.put(records, wal as unknown as WalState)
  await isPresent(world)
  const [asked, askedWal] = [await world.collect(CopyExpiryRequested), await world.collect(WalExpiryRequested)]
  const rounds = new ExpiryRounds(deps)
  await rounds.round()
  return {
    ...{ asked, askedWal, world, deps, rounds },
    ids: copies.map(({ backupId }) => backupId),
    policyId: copies[0]?.sealed.policyId as PolicyId,
    /** The next time of its schedule. */
    async due() {
      clock.forward(1500)
      await rounds.round()
      return (await deps.expiryOutcome.get(EXPIRY_OUTCOME_KEY))?.value
    },
    removeAfter: () => moment(clock.now() + HOUR),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

test('an expiry that may let go by itself hides what no rule keeps, and lets WAL before the window go', async () => {
  await using world = await sixProven({ auto: true, maxShare: 1 })
  // The newest stays, and the one the window begins with.
  expect(await world.due()).toMatchObject({ going: 4, refused: [] })
  await until(
    () => [world.asked.length, world.askedWal.length],
    ([copies, wal]) => copies === 4 && wal === 1,
  )
  const [first, second, third, , fifth] = world.ids
  expect(world.asked.map(({ backupId }) => backupId).sort()).toEqual([first, second, third, fifth].sort())
  for (const wish of world.asked)
    expect(wish).toMatchObject({ step: 'mark', by: 'schedule', removeAfter: world.removeAfter() })
  expect(world.askedWal).toMatchObject([{ anchor: world.ids[3], by: 'schedule' }])
})

test('an expiry that only plans asks for nothing, and says how much would go', async () => {
  await using world = await sixProven({ auto: false, maxShare: 1 })
  expect(await world.due()).toMatchObject({ going: 4, refused: [] })
  await aMoment()
  expect([world.asked, world.askedWal]).toEqual([[], []])
})

test('an expiry by which more would go than may go without a person asks for nothing, and is written down as refused', async () => {
  await using world = await sixProven({ auto: true, maxShare: 0.6 })
  const refused = [expect.stringMatching(/^4 of the 6 backups of \S+ of records at aws would go, and nothing is known/)]
  expect(await world.due()).toMatchObject({ going: 4, refused })
  await aMoment()
  expect([world.asked, world.askedWal]).toEqual([[], []])
})

test('what stayed the last time decides how much is too much, and what stays this time is remembered', async () => {
  await using world = await sixProven({ auto: true, maxShare: 0.6 })
  const remembered = await world.world.bus.bucket(STAYED_BUCKET)
  const [policyId, records] = [world.policyId, 'records']
  const remember = (aws: number) =>
    remembered.put(records, { at: moment(0), stayed: { [policyId]: { ['aws' as TargetId]: aws } } })
  await remember(30)
  expect(await world.due()).toMatchObject({ did: 'refused', refused: [expect.stringMatching(/^2 .* 30 stayed last/)] })
  await remember(2)
  expect(await world.due()).toMatchObject({ did: 'applied', going: 4, refused: [] })
  const at = moment(world.world.clock.now())
  expect(await remembered.get(records)).toMatchObject({ value: { at, stayed: { [policyId]: { aws: 2 } } } })
})

/** A monthly one, and the next month is over. */
async function monthOver() {
  const six = await sixProven({ auto: true, maxShare: 1, cron: '0 3 2 * *' })
  const { expiryWatch } = six.deps
  const known = await expiryWatch.get(EXPIRY_WATCH_KEY)
  if (!known) throw new Error('no schedule is watched')
  await expiryWatch.put(EXPIRY_WATCH_KEY, { ...known.value, since: moment(six.world.clock.now() - 40 * 24 * HOUR) })
  return { ...six, other: new ExpiryRounds({ ...six.deps }) }
}
const outcomeOf = async ({ expiryOutcome }: Pick<SchedulerDeps, 'expiryOutcome'>) =>
  (await expiryOutcome.get(EXPIRY_OUTCOME_KEY))?.value

test('a monthly expiry that passed while no scheduler ran is made up once, by one of two that come back', async () => {
  await using month = await monthOver()
  await Promise.all([month.rounds.round(), month.other.round()])
  expect(await outcomeOf(month.deps)).toMatchObject({ did: 'applied', going: 4 })
  await month.other.round()
  month.world.clock.forward(HOUR)
  await month.rounds.round()
  const settled = await whenFacts(month.world.bus, ExpirySettled, () => true, { count: 1 })
  expect(settled).toMatchObject([{ did: 'applied', going: 4, bytes: expect.any(Number), wal: 1 }])
  await until(
    () => month.asked.length,
    (count) => count === 4,
  )
  await aMoment()
  expect(month.asked).toHaveLength(4)
})

/** As if somebody had begun then, and said nothing since. */
async function begunAt({ expiryWatch }: Pick<SchedulerDeps, 'expiryWatch'>, ms: number): Promise<void> {
  const known = await expiryWatch.get(EXPIRY_WATCH_KEY)
  const begun = known?.value.begun
  if (!begun) throw new Error('nobody began')
  const at = moment(ms)
  await expiryWatch.put(EXPIRY_WATCH_KEY, { ...known.value, begun: { ...begun, firstAt: at, lastAt: at } })
}

test('one that is due goes on waiting while a target was not looked at, and is settled when it was', async () => {
  await using month = await monthOver()
  const { bus, clock } = month.world
  const surveys = await bus.bucket(SURVEYS_BUCKET)
  const aws = 'aws' as TargetId
  const looked = await surveys.get(aws)
  if (!looked) throw new Error('nobody looked')
  await surveys.put(aws, { ...looked.value, at: moment(clock.now() - 30 * HOUR) })
  await month.rounds.round()
  expect(await outcomeOf(month.deps)).toBeUndefined()
  await surveys.put(aws, looked.value)
  await month.other.round()
  expect(await outcomeOf(month.deps)).toBeUndefined()
  await begunAt(month.deps, clock.now() - 10 * 60_000)
  await month.other.round()
  expect(await outcomeOf(month.deps)).toMatchObject({ did: 'applied', going: 4, doubts: [] })
})

test('what is not known for a day lets nothing go, and that is told with the reason', async () => {
  await using month = await monthOver()
  const { bus, clock } = month.world
  await (await bus.bucket(SURVEYS_BUCKET)).delete('aws')
  await month.rounds.round()
  await begunAt(month.deps, clock.now() - 24 * HOUR)
  await month.rounds.round()
  const doubts = ['aws was never listed; list it: lifeboat target audit aws']
  expect(await outcomeOf(month.deps)).toMatchObject({ did: 'applied', going: 0, wal: 0, doubts })
  await aMoment()
  expect([month.asked, month.askedWal]).toEqual([[], []])
})
