import { BackupRequested, BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished, DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { moment, newDrillId, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { describe, expect, it } from 'vitest'
import { sweepDrills } from '../src/drill-sweep.ts'
import { startScheduler } from '../src/service.ts'
import { aPlan } from './paper.ts'
import { aMoment, type SchedulerWorld, schedulerWorld } from './scheduler-world.ts'

const backup = (day: number) => `202609${day}T020000Z-dump-aaaaaa`

const about = (day: number) => ({
  backupId: backup(day),
  runId: `daily.records.202609${day}T020000Z`,
  sourceId: 'records',
  policyId: 'daily',
  agentId: 'db1',
  kind: 'dump' as const,
})

async function seal(world: SchedulerWorld, day: number): Promise<void> {
  await world.bus.publish(BackupSealed, {
    ...about(day),
    startedAt: `2026-09-${day}T02:00:00.000Z`,
    snapshotAt: `2026-09-${day}T02:00:01.000Z`,
    sealedAt: `2026-09-${day}T02:10:00.000Z`,
    bytes: 5_000_000,
    summary: { tables: 3, rows: 10, databaseBytes: 9_000_000 },
    manifest: { bytes: 1000, sha256: 'a'.repeat(64), md5: 'b'.repeat(32) },
    targets: ['alpha', 'beta', 'gamma'],
    requiredCopies: 2,
    spoolUrl: 'http://127.0.0.1:7461',
  } as never)
}

async function store(world: SchedulerWorld, day: number, targetId: string): Promise<void> {
  const { runId: _, ...copy } = about(day)
  await world.bus.publish(CopyStored, {
    ...copy,
    targetId,
    storedAt: moment(world.clock.now()),
    bytes: 5_000_000,
  } as never)
}

async function finish(world: SchedulerWorld, wish: DrillRequested, verdict: 'proven' | 'inconclusive'): Promise<void> {
  const { runId, backupId, sourceId, policyId, kind, targetId } = wish
  await world.bus.publish(DrillFinished, {
    ...{ runId, backupId, sourceId, policyId, kind, targetId, verdict },
    drillId: newDrillId(world.clock.now()),
    reasons: verdict === 'proven' ? [] : ['no scratch server'],
    finishedAt: moment(world.clock.now()),
    durationMs: 1000,
  })
}

async function started(world: SchedulerWorld, over = {}) {
  const deps = await world.scheduler([aPlan(over)])
  const stopping = new AbortController()
  const service = startScheduler(deps, AbortSignal.any([world.signal, stopping.signal]))
  world.run(service)
  const asked = await world.collect(DrillRequested)
  return {
    ...{ deps, asked, targets: () => asked.map((wish) => `${wish.backupId.slice(6, 8)} ${wish.targetId}`).sort() },
    /** From then on nobody looks by the clock any more. */
    async stop() {
      stopping.abort()
      await service
    },
    /** How the copies of the backups stand in the catalogue, the newest first; nothing of one that is not sealed there. */
    copies: async () =>
      (await deps.catalog.summaries())[0]?.recent.map(({ sealedAt, copies }) => (sealedAt ? copies : {})),
  }
}

describe.concurrent('drills', () => {
  it('every backup is drilled once, from the targets by turns, whatever order its copies come in', async () => {
    await using world = await schedulerWorld('2026-09-20T02:11:00Z')
    const { targets } = await started(world)
    const orders = [
      ['alpha', 'beta', 'gamma'],
      ['gamma', 'alpha', 'beta'],
      ['beta', 'gamma', 'alpha'],
    ]
    for (const [night, order] of orders.entries()) {
      world.clock.set(`2026-09-${20 + night}T02:11:00Z`)
      await seal(world, 20 + night)
      for (const target of order) await store(world, 20 + night, target)
      await eventually(() => expect(targets()).toHaveLength(night + 1))
    }
    await aMoment()
    expect(targets()).toEqual(['20 alpha', '21 beta', '22 gamma'])
  })

  it('a target that is away gives its turn to another after an hour and has its own drill when its copy comes', async () => {
    await using world = await schedulerWorld('2026-09-20T02:11:00Z')
    const { deps, targets, copies } = await started(world)
    await seal(world, 20)
    await store(world, 20, 'beta')
    await eventually(async () => expect(await copies()).toMatchObject([{ beta: 'stored' }]))
    await sweepDrills(deps)
    await aMoment()
    expect(targets()).toEqual([])
    world.clock.set('2026-09-20T03:30:00Z')
    await sweepDrills(deps)
    await eventually(() => expect(targets()).toEqual(['20 beta']))
    world.clock.set('2026-09-23T03:30:00Z')
    await store(world, 20, 'alpha')
    await eventually(() => expect(targets()).toEqual(['20 alpha', '20 beta']))
  })

  it('each: every copy is drilled, the late one too, and the same fact twice asks once', async () => {
    await using world = await schedulerWorld('2026-09-20T02:11:00Z')
    const { deps, targets, asked } = await started(world, { drillTargets: 'each' })
    await seal(world, 20)
    for (const target of ['alpha', 'beta', 'gamma']) await store(world, 20, target)
    await eventually(() => expect(asked).toHaveLength(3))
    await sweepDrills(deps)
    await aMoment()
    expect(targets()).toEqual(['20 alpha', '20 beta', '20 gamma'])
  })

  it('an inconclusive drill is asked for again after half an hour, a proven one never', async () => {
    await using world = await schedulerWorld('2026-09-20T02:11:00Z')
    const { deps, asked, copies } = await started(world, { drillTargets: 'each' })
    await seal(world, 20)
    await store(world, 20, 'alpha')
    await store(world, 20, 'beta')
    await eventually(() => expect(asked).toHaveLength(2))
    for (const wish of asked.slice()) await finish(world, wish, wish.targetId === 'alpha' ? 'inconclusive' : 'proven')
    const verdicts = async () => {
      const found: string[] = []
      for await (const { value } of deps.drillNotes.entries()) if (value.verdict) found.push(value.verdict)
      return found.sort()
    }
    await eventually(async () => expect(await verdicts()).toEqual(['inconclusive', 'proven']))
    await eventually(async () => expect(await copies()).toMatchObject([{ alpha: 'stored', beta: 'proven' }]))
    await sweepDrills(deps)
    world.clock.forward(31 * 60_000)
    await sweepDrills(deps)
    await eventually(() => expect(asked.map((wish) => wish.targetId).slice(2)).toEqual(['alpha']))
    expect(new Set(asked.map((wish) => wish.runId)).size).toBe(3)
  })

  it('a drill whose wish aged out unseen is asked for again under the same run id, and once', async () => {
    await using world = await schedulerWorld('2026-09-20T02:11:00Z')
    const { deps, asked, copies, stop } = await started(world, { drillTargets: 'each' })
    await seal(world, 20)
    await store(world, 20, 'alpha')
    await eventually(() => expect(asked).toHaveLength(1))
    await eventually(async () => expect(await Array.fromAsync(deps.drillNotes.entries())).toHaveLength(1))
    await eventually(async () => expect(await copies()).toMatchObject([{ alpha: 'stored' }]))
    await stop()
    world.clock.forward(8 * 86_400_000)
    const published: string[] = []
    const bus = new Proxy(deps.bus, {
      get: (of, name) =>
        name === 'publish'
          ? async (_: unknown, { runId }: DrillRequested) => void published.push(runId)
          : Reflect.get(of, name),
    })
    await sweepDrills({ ...deps, bus })
    await sweepDrills({ ...deps, bus })
    expect(published).toEqual([asked[0]?.runId])
  })

  it('a sweep reads the notes of a source once, and none where every drill has its verdict', async () => {
    await using world = await schedulerWorld('2026-09-20T02:11:00Z')
    const { deps, asked, copies } = await started(world)
    for (const day of [20, 21, 22]) {
      await seal(world, day)
      for (const target of ['alpha', 'beta', 'gamma']) await store(world, day, target)
    }
    await eventually(() => expect(asked).toHaveLength(3))
    const states = async () => (await copies())?.map((each) => Object.values(each).sort().join())
    await eventually(async () => expect(await states()).toEqual(Array(3).fill('stored,stored,stored')))
    let read = 0
    const entries = (filter?: string) => {
      read += 1
      return deps.drillNotes.entries(filter)
    }
    const drillNotes = new Proxy(deps.drillNotes, {
      get: (of, name) => (name === 'entries' ? entries : Reflect.get(of, name).bind(of)),
    })
    await sweepDrills({ ...deps, drillNotes })
    expect(read).toBe(1)
    for (const wish of asked.slice()) await finish(world, wish, 'proven')
    await eventually(async () => expect(await states()).toEqual(Array(3).fill('proven,stored,stored')))
    await sweepDrills({ ...deps, drillNotes })
    expect(read).toBe(1)
  })

  it('a wish that became a dead letter fails its run at once, and a drill’s is asked for again later', async () => {
    await using world = await schedulerWorld('2026-09-20T02:00:00Z')
    const deps = await world.scheduler([aPlan()])
    world.run(startScheduler(deps, world.signal))
    const refuse = async () => {
      throw new LifeboatError('SOURCE_UNKNOWN', { sourceId: 'records' })
    }
    await world.bus.consume({ type: BackupRequested, durable: 'agent-db1' }, refuse, { signal: world.signal })
    await world.bus.consume({ type: DrillRequested, durable: 'verifier' }, refuse, { signal: world.signal })
    const runId = 'daily.records.20260920T020000Z' as RunId
    await deps.ledger.expect({ ...expected, runId })
    await eventually(async () =>
      expect(await deps.ledger.get(runId)).toMatchObject({ state: 'failed', error: { code: 'SOURCE_UNKNOWN' } }),
    )
    await seal(world, 20)
    await store(world, 20, 'alpha')
    await eventually(async () => {
      const notes = await Array.fromAsync(deps.drillNotes.entries())
      expect(notes.map(({ value }) => value.verdict)).toEqual(['inconclusive'])
    })
  })

  it('a backup that was sealed by an agent that then died is a run that succeeded', async () => {
    await using world = await schedulerWorld('2026-09-20T02:11:00Z')
    const deps = await world.scheduler([aPlan()])
    world.run(startScheduler(deps, world.signal))
    const { runId, backupId } = about(20)
    await deps.ledger.expect({ ...expected, runId: runId as RunId })
    await deps.ledger.apply(runId as RunId, 'begin', { backupId: backupId as never, beganAt: expected.dueAt })
    await seal(world, 20)
    await eventually(async () => expect((await deps.ledger.get(runId as RunId))?.state).toBe('succeeded'))
  })
})

const expected = {
  sourceId: 'records' as never,
  policyId: 'daily' as never,
  kind: 'dump' as const,
  requestedBy: 'schedule' as const,
  dueAt: moment(Date.parse('2026-09-20T02:00:00Z')),
  lateAt: moment(Date.parse('2026-09-20T02:15:00Z')),
  deadlineAt: moment(Date.parse('2026-09-20T08:15:00Z')),
}
