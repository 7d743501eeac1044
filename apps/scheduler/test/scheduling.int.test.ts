import { BackupRequested } from '@lifeboat/shared/bus/messages/backup.ts'
import { RunDeviated } from '@lifeboat/shared/bus/messages/run.ts'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { describe, expect, it } from 'vitest'
import type { SchedulerDeps } from '../src/deps.ts'
import { expectedRun } from '../src/expectations.ts'
import { Ticker } from '../src/tick.ts'
import { aPlan } from './paper.ts'
import { aMoment, schedulerWorld } from './scheduler-world.ts'

const nightly = aPlan()
const hourly = aPlan({ policyId: 'hourly', cron: '0 * * * *' })
const RUN = 'daily.records.20260926T020000Z' as RunId

async function statesOf({ ledger }: SchedulerDeps): Promise<Record<string, LedgerEntry['state']>> {
  const states: Record<string, LedgerEntry['state']> = {}
  for await (const { runId, state } of ledger.entries()) states[runId] = state
  return states
}

describe.concurrent('a scheduler on a real bus', () => {
  it('writes every run of the next day down beforehand and asks for it once when it is due', async () => {
    await using world = await schedulerWorld('2026-09-26T00:00:00Z')
    const deps = await world.scheduler([hourly])
    const wishes = await world.collect(BackupRequested)
    const ticker = new Ticker(deps)
    await ticker.tick()
    expect(Object.values(await statesOf(deps))).toEqual(Array.from({ length: 25 }, () => 'expected'))
    world.clock.set('2026-09-26T01:00:00Z')
    for (let ticks = 0; ticks < 5; ticks += 1) await ticker.tick()
    await eventually(() => expect(wishes.map(({ runId }) => runId)).toEqual(['hourly.records.20260926T010000Z']))
    await aMoment()
    expect(wishes).toHaveLength(1)
    expect(wishes[0]).toMatchObject({ agentId: 'db1', requestedBy: 'schedule', deadlineAt: '2026-09-26T07:15:00.000Z' })
  })

  it('two schedulers that tick at the same moments ask for every run once', async () => {
    await using world = await schedulerWorld('2026-09-26T00:00:00Z')
    const wishes = await world.collect(BackupRequested)
    const tickers = await Promise.all([1, 2, 3].map(async () => new Ticker(await world.scheduler([hourly, nightly]))))
    for (let minutes = 0; minutes <= 180; minutes += 30) {
      await Promise.all(tickers.map((ticker) => ticker.tick()))
      world.clock.forward(30 * 60_000)
    }
    await eventually(() => expect(wishes).toHaveLength(4))
    await aMoment()
    expect(wishes.map(({ runId }) => runId).sort()).toEqual([
      'daily.records.20260926T020000Z',
      ...['01', '02', '03'].map((hour) => `hourly.records.20260926T${hour}0000Z`),
    ])
  })

  it('a wish that was written down but never published is published by the next scheduler', async () => {
    await using world = await schedulerWorld('2026-09-26T02:00:01Z')
    const deps = await world.scheduler([nightly])
    const wishes = await world.collect(BackupRequested)
    // What a scheduler leaves that dies between the ledger and the bus.
    await deps.ledger.expect(expectedRun(nightly, Date.parse('2026-09-26T02:00:00Z')))
    await deps.ledger.apply(RUN, 'wish')
    await new Ticker(await world.scheduler([nightly])).tick()
    await eventually(() => expect(wishes.map(({ runId }) => runId)).toEqual([RUN]))
  })

  it('a wish that was published before its scheduler died is not published again', async () => {
    await using world = await schedulerWorld('2026-09-26T02:00:01Z')
    const first = await world.scheduler([nightly])
    const wishes = await world.collect(BackupRequested)
    await new Ticker(first).tick()
    await first.ledger.expect(expectedRun(nightly, Date.parse('2026-09-26T02:00:00Z')))
    await new Ticker(await world.scheduler([nightly])).tick()
    await new Ticker(await world.scheduler([nightly])).tick()
    await eventually(() => expect(wishes).toHaveLength(1))
    await aMoment()
    expect(wishes).toHaveLength(1)
  })

  it('after a day and a half without a scheduler the last run is caught up and the others are on record', async () => {
    await using world = await schedulerWorld('2026-09-26T00:30:00Z')
    const wishes = await world.collect(BackupRequested)
    const deviations = await world.collect(RunDeviated)
    await new Ticker(await world.scheduler([hourly])).tick()
    world.clock.set('2026-09-27T12:20:00Z')
    const deps = await world.scheduler([hourly])
    await new Ticker(deps).tick()
    await eventually(() => expect(wishes.map(({ runId }) => runId)).toEqual(['hourly.records.20260927T120000Z']))
    // 01:00 on the 26th to 12:00 on the 27th, of which the last is on its way again.
    await eventually(() => expect(deviations).toHaveLength(36))
    const states = Object.entries(await statesOf(deps)).filter(([id]) => id <= 'hourly.records.20260927T120000Z')
    expect(states.filter(([, state]) => state === 'missed')).toHaveLength(35)
    expect((await deps.ledger.get('hourly.records.20260926T030000Z' as RunId))?.reason).toBe(
      'no scheduler started it by 2026-09-26T03:15:00.000Z',
    )
  })

  it('a run that exceeds its time is cancelled, told and overdue', async () => {
    await using world = await schedulerWorld('2026-09-26T02:00:00Z')
    const deps = await world.scheduler([nightly])
    const deviations = await world.collect(RunDeviated)
    await deps.ledger.expect(expectedRun(nightly, Date.parse('2026-09-26T02:00:00Z')))
    await deps.ledger.apply(RUN, 'begin', { beganAt: moment(world.clock.now()), heldBy: 'db1' })
    const ticker = new Ticker(await world.scheduler([nightly]))
    world.clock.set('2026-09-26T08:14:00Z')
    await ticker.tick()
    expect((await deps.ledger.get(RUN))?.state).toBe('running')
    world.clock.set('2026-09-26T08:16:00Z')
    await ticker.tick()
    expect((await deps.ledger.get(RUN))?.state).toBe('overdue')
    expect((await deps.cancels.get(RUN))?.value).toMatchObject({ runId: RUN, why: 'overdue', by: 'scheduler' })
    await eventually(() =>
      expect(deviations.map(({ runId, state }) => `${runId} ${state}`)).toEqual([`${RUN} overdue`]),
    )
  })

  it('an overdue run whose cancel was never written is cancelled by the next scheduler', async () => {
    await using world = await schedulerWorld('2026-09-26T08:20:00Z')
    const deps = await world.scheduler([nightly])
    const deviations = await world.collect(RunDeviated)
    await deps.ledger.expect(expectedRun(nightly, Date.parse('2026-09-26T02:00:00Z')))
    await deps.ledger.apply(RUN, 'begin', { beganAt: '2026-09-26T02:00:00.000Z' as never })
    await deps.ledger.apply(RUN, 'exceed', { endedAt: moment(world.clock.now()), reason: 'it took too long' })
    await new Ticker(await world.scheduler([nightly])).tick()
    expect((await deps.cancels.get(RUN))?.value.why).toBe('overdue')
    await eventually(() => expect(deviations).toHaveLength(1))
  })

  it('an overdue run is cancelled though the answer to the write that says so was lost', async () => {
    await using world = await schedulerWorld('2026-09-26T08:20:00Z')
    const deps = await world.scheduler([nightly])
    await deps.ledger.expect(expectedRun(nightly, Date.parse('2026-09-26T02:00:00Z')))
    await deps.ledger.apply(RUN, 'begin', { beganAt: '2026-09-26T02:00:00.000Z' as never })
    const running = (await deps.ledger.get(RUN)) as LedgerEntry
    let lost = 0
    const ledger = {
      expect: (entry: LedgerEntry) => deps.ledger.expect(entry),
      async apply(...step: Parameters<SchedulerDeps['ledger']['apply']>) {
        await deps.ledger.apply(...step)
        lost += 1
        throw new Error('no answer')
      },
      get: (runId: RunId) => deps.ledger.get(runId),
    } as unknown as SchedulerDeps['ledger']
    const losing = { ...(await world.scheduler([nightly])), ledger }
    const ticker = new Ticker(losing)
    await expect(ticker.tick()).rejects.toThrow('no answer')
    await eventually(() => expect(losing.view.all().map(({ state }) => state)).toContain('overdue'))
    await ticker.tick().catch(() => {})
    expect([lost > 0, (await deps.cancels.get(RUN))?.value.why]).toEqual([true, 'overdue'])
    await deps.cancels.delete(RUN)
    const late = await world.scheduler([nightly])
    const another = new Ticker(late)
    await another.tick()
    await deps.cancels.delete(RUN)
    late.view.note(running)
    await another.tick()
    expect((await deps.cancels.get(RUN))?.value.why).toBe('overdue')
  })

  it('a run that ends in the very moment of its deadline stays a success', async () => {
    await using world = await schedulerWorld('2026-09-26T02:00:00Z')
    const deps = await world.scheduler([nightly])
    await deps.ledger.expect(expectedRun(nightly, Date.parse('2026-09-26T02:00:00Z')))
    await deps.ledger.apply(RUN, 'begin', { beganAt: moment(world.clock.now()) })
    const ticker = new Ticker(await world.scheduler([nightly]))
    const stale = (await deps.ledger.get(RUN)) as LedgerEntry
    await deps.ledger.apply(RUN, 'succeed', { endedAt: moment(world.clock.now()) })
    deps.view.note(stale)
    world.clock.set('2026-09-26T08:16:00Z')
    await ticker.tick()
    expect((await deps.ledger.get(RUN))?.state).toBe('succeeded')
    expect(await deps.cancels.get(RUN)).toBeUndefined()
  })

  it('a restart of NATS costs no run and doubles none', async () => {
    await using world = await schedulerWorld('2026-09-26T00:59:00Z')
    const wishes = await world.collect(BackupRequested)
    const ticker = new Ticker(await world.scheduler([hourly]))
    await ticker.tick()
    world.clock.set('2026-09-26T01:00:00Z')
    const [, ticked] = await Promise.allSettled([world.nats.restart({ signal: 'SIGKILL', downMs: 500 }), ticker.tick()])
    if (ticked.status === 'rejected') await ticker.tick()
    world.clock.set('2026-09-26T02:00:00Z')
    await ticker.tick()
    await eventually(() => expect(wishes.map(({ runId }) => runId.slice(-7, -1))).toEqual(['010000', '020000']))
    await aMoment()
    expect(wishes).toHaveLength(2)
  })

  it('a changed schedule takes future runs out of the ledger and puts the new ones in', async () => {
    await using world = await schedulerWorld('2026-09-26T12:00:00Z')
    await new Ticker(await world.scheduler([nightly])).tick()
    const deps = await world.scheduler([aPlan({ cron: '0 5 * * *' })])
    await new Ticker(deps).tick()
    expect(await statesOf(deps)).toEqual({ 'daily.records.20260927T050000Z': 'expected' })
    // And back again: a withdrawn run is no run that was refused.
    await new Ticker(await world.scheduler([nightly])).tick()
    expect(await statesOf(deps)).toEqual({ 'daily.records.20260927T020000Z': 'expected' })
  })
})
