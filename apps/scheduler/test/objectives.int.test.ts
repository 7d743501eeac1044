import { type BackupFailed, BackupRequested, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { ObjectivesMeasured } from '@lifeboat/shared/bus/messages/objectives.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { describe, expect, it } from 'vitest'
import { ObjectivesWatch } from '../src/objectives/watch.ts'
import { startScheduler } from '../src/service.ts'
import { aPlan } from './paper.ts'
import { at, baseFacts, lostBetween, NOON, sourceId, walState } from './physical-facts.ts'
import { type SchedulerWorld, schedulerWorld } from './scheduler-world.ts'

const MINUTE = 60_000
const weekly = aPlan({ policyId: 'weekly', kind: 'base', targets: ['alpha', 'beta'], recoverTo: 'random' })
const promises = { [sourceId]: { rpo: MINUTE, rto: 2 * 3_600_000 } }

async function watching(world: SchedulerWorld) {
  const deps = await world.scheduler([weekly], { promises })
  const watch = new ObjectivesWatch(deps)
  const look = async (hour: number, over = {}) => {
    world.clock.set(at(hour))
    await deps.wal.put(sourceId, walState(hour, over))
    await watch.look()
  }
  return { deps, watch, look }
}

describe.concurrent('objectives', () => {
  it('are told when they change and not while time just goes on, by however many schedulers', async () => {
    await using world = await schedulerWorld('2026-09-26T00:00:00Z')
    const told = await world.collect(ObjectivesMeasured)
    const { deps, look } = await watching(world)
    const other = await watching(world)
    await look(-12)
    await eventually(() => expect(told).toMatchObject([{ rpoMs: null, kept: { rpo: false, rto: null } }]))
    for (const fact of baseFacts(-10).facts) await deps.catalog.apply(fact)
    for (const hour of [-9, -8, -7]) {
      await look(hour)
      await other.look(hour)
    }
    await eventually(() => expect(told).toHaveLength(2))
    expect(told[1]).toMatchObject({ by: 'wal', kept: { rpo: true }, windows: [{ from: at(-10), current: true }] })
    const { watch: fresh } = await watching(world)
    await fresh.look()
    world.clock.forward(2 * MINUTE)
    await fresh.look()
    await eventually(() => expect(told[2]).toMatchObject({ kept: { rpo: false } }))
    expect(told).toHaveLength(3)
  })

  it('remember a hole when the agent has forgotten it and the scheduler was replaced', async () => {
    await using world = await schedulerWorld('2026-09-26T00:00:00Z')
    const { deps, look } = await watching(world)
    await look(-30)
    for (const fact of baseFacts(-29).facts) await deps.catalog.apply(fact)
    await look(-20)
    await look(-10, lostBetween(-20, -11))
    const successor = await watching(world)
    for (const fact of baseFacts(-5).facts) await deps.catalog.apply(fact)
    await successor.look(0)
    const record = (await deps.walRecords.get(sourceId))?.value
    expect(record?.holes).toMatchObject([{ until: at(-20), reason: 'the slot was dropped' }])
    expect((await deps.told.get(sourceId))?.value.windows).toMatchObject([
      { from: at(-29), to: at(-20), current: false },
      { from: at(-5), to: at(0), current: true },
    ])
  })

  it('know of what vanished from every target, and of an archive that began before anybody remembers', async () => {
    await using world = await schedulerWorld('2026-09-26T00:00:00Z')
    const { deps, look } = await watching(world)
    const begun = { begun: walState(-20).safe }
    await look(-20, begun)
    for (const hour of [-29, -5]) for (const fact of baseFacts(hour).facts) await deps.catalog.apply(fact)
    const windows = async () => (await deps.told.get(sourceId))?.value.windows.map(({ from, to }) => [from, to])
    await watching(world).then(({ look: again }) => again(-2, begun))
    expect(await windows()).toEqual([[at(-5), at(-2)]])
    const [place, { targets }] = [(hour: number) => walState(hour).safe.lsn, walState(-1)]
    const [target = ''] = Object.keys(targets)
    const held = { [target]: { spans: [{ timeline: 1, from: place(-40), to: place(-1) }], histories: [] } }
    const hole = { timeline: 1, from: place(-12), to: place(-11), until: at(-12), since: at(-1) }
    const survey = { sourceId, at: at(-1), seen: {}, held, gone: [hole] }
    await deps.walSurveys.put(sourceId, survey as never)
    await watching(world).then(({ look: again }) => again(-1, begun))
    expect(await windows()).toEqual([
      [at(-29), at(-12)],
      [at(-5), at(-1)],
    ])
    await deps.walSurveys.put(sourceId, { ...survey, gone: [] } as never)
    await watching(world).then(({ look: again }) => again(0, begun))
    expect(await windows()).toEqual([[at(-29), at(0)]])
  })

  it('a hole in the WAL has a base asked for, whatever the schedule says', async () => {
    await using world = await schedulerWorld('2026-09-26T12:00:00Z')
    const deps = await world.scheduler([{ ...weekly, cron: '0 1 1 1 *' }], { promises })
    for (const fact of baseFacts(-10).facts) await deps.catalog.apply(fact)
    await deps.wal.put(sourceId, walState(0, lostBetween(-5, -1)))
    const asked = await world.collect(BackupRequested)
    world.run(startScheduler(deps, world.signal))
    await eventually(() => expect(asked).toMatchObject([{ policyId: 'weekly', kind: 'base', requestedBy: 'schedule' }]))
  })

  it('are metrics: the last failed and the last available backup, and the first point that can be recovered', async () => {
    await using world = await schedulerWorld('2026-09-26T00:00:00Z')
    const { deps, look } = await watching(world)
    await look(-12)
    for (const fact of baseFacts(-10).facts) await deps.catalog.apply(fact)
    const { bytes: _, ...failing } = baseFacts(-2).sealed
    const error = { code: 'TOOL_FAILED', title: 'A program ended with an error', hint: 'Look.', facts: {} }
    await deps.catalog.apply({ subject: 'backup.started', data: { ...failing, attempt: 1 } as never })
    await deps.catalog.apply({
      subject: 'backup.failed',
      data: { ...failing, attempt: 1, failedAt: at(-2), error, willRetry: false } as unknown as BackupFailed,
    })
    await look(0, { safe: { lsn: walState(-0.005).safe.lsn, at: at(-0.005) } })
    const text = await deps.metrics.text()
    const value = (name: string) =>
      Number(new RegExp(`^lifeboat_${name}\\{source="records".*\\} (.+)$`, 'm').exec(text)?.[1])
    const seconds = (hour: number) => Date.parse(at(hour)) / 1000
    expect(value('last_failed_backup_timestamp_seconds')).toBe(seconds(-2.5))
    expect(value('last_available_backup_timestamp_seconds')).toBe(seconds(-10))
    expect(value('first_recoverability_point_timestamp_seconds')).toBe(seconds(-10))
    expect(value('recoverable_until_timestamp_seconds')).toBe(seconds(-0.005))
    expect(value('offsite_rpo_seconds')).toBe(18)
    expect(value('wal_retained_bytes')).toBe(4096)
    expect(value('expected_rto_seconds')).toBeNaN()
  })

  it('a base is drilled to a moment behind its end that its target can bring back', async () => {
    await using world = await schedulerWorld('2026-09-26T12:00:00Z')
    const deps = await world.scheduler([weekly], { promises })
    await deps.wal.put(sourceId, walState(-12))
    const { sealed, stored } = baseFacts(-10)
    world.run(startScheduler(deps, world.signal))
    await eventually(async () => expect(await deps.walRecords.get(sourceId)).toBeDefined())
    await deps.wal.put(sourceId, walState(0))
    const asked = await world.collect(DrillRequested)
    await world.bus.publish(BackupSealed, sealed as never)
    await eventually(async () => expect(await deps.catalog.get(sealed.backupId as never)).toBeDefined())
    await world.bus.publish(CopyStored, stored('alpha') as never)
    await eventually(() =>
      expect(asked).toMatchObject([{ targetId: 'alpha', recoverTo: { time: expect.any(String) } }]),
    )
    const time = String((asked[0]?.recoverTo as { time: string } | undefined)?.time)
    expect(Date.parse(time)).toBeGreaterThan(Date.parse(at(-10)))
    expect(Date.parse(time)).toBeLessThanOrEqual(NOON)
  })
})
