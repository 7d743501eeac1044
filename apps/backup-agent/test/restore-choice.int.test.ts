import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { type BackupId, moment, newRestoreId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { Lsn, WalReach } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { faulty } from '@lifeboat/storage/layers/faulty.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { sealEvidence } from '@lifeboat/testkit/seal-evidence.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { restoreOnCommand } from '../src/handlers/restore.ts'
import { chooseDump } from '../src/restore/choose-copy.ts'
import { type RunningAgent, SOURCE } from './agent-house.ts'
import { type ClusterHouse, openClusterHouse, VISITS } from './cluster-house.ts'

/** North holds what south held until another dump and more WAL went to south alone. */
let house: ClusterHouse
let newer: BackupId
const owned = new AsyncDisposableStack()
beforeAll(async () => {
  house = owned.use(await openClusterHouse())
  const { at } = house
  const { pg, folder } = at.house
  await cp(join(folder, 'targets/south'), join(folder, 'targets/north'), { recursive: true })
  const { recipient, agent, verifier } = at.seals
  const sealed = await sealBackup({ pg, database: 'records', target: at.targets.south, recipient, signer: agent })
  await sealEvidence(at.targets.south, verifier, sealed)
  newer = sealed.backupId
  await pg.query('records', 'insert into visit values (5)')
  await sealWal({ pg, target: at.targets.south, recipient })
})
afterAll(() => owned.disposeAsync())

async function configWith(lent: readonly Target[], own: AsyncDisposableStack): Promise<AgentConfig> {
  const lending = own.use(await house.at.lend(lent))
  const cfg = house.config()
  if (!cfg.restore) throw new Error('the agent restores')
  return { ...cfg, restore: { ...cfg.restore, uploaders: [`http://127.0.0.1:${lending.port}`] } }
}

/** The plan that an agent of this configuration makes. */
async function planned(
  { agentId }: AgentConfig,
  targets: string[],
  change: object = {},
): Promise<RestorePlan | undefined> {
  const restoreId = newRestoreId(Date.now())
  const about = { restoreId, agentId, sourceId: SOURCE, requestedAt: moment(Date.now()) }
  const wish = { targets: targets as TargetId[], unproven: false, hooks: {} }
  await house.at.house.bus.publish(RestorePlanRequested, { ...about, ...wish, ...change })
  const { plan, error } = await house.at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
  expect(error).toBeUndefined()
  return plan
}

/** How far the WAL of a target leads, as whoever signs the plan promises it. */
async function endOfWal(cfg: AgentConfig, target: string): Promise<{ wal: WalReach }> {
  const { timeline = 0, wal } = (await planned(cfg, [target], latest()))?.cluster ?? {}
  return { wal: { timeline, end: wal?.end as Lsn } }
}

const latest = () => ({ cluster: { place: 'beside', port: house.port, goal: { to: 'latest' } } })

test('unless a backup is named a plan takes the newest among the targets, and of the same one that of the first', async () => {
  await using own = new AsyncDisposableStack()
  const { at } = house
  const cfg = await configWith([at.targets.north, at.targets.south], own)
  own.use(await at.house.agent(cfg))
  const plan = (targets: string[], change?: object) => planned(cfg, targets, change)
  const both = ['north', 'south']
  expect(await plan(both)).toMatchObject({ targetId: 'south', backup: { backupId: newer }, passedOver: [] })
  expect(await plan(['north'])).toMatchObject({ targetId: 'north', backup: { backupId: at.backupId } })
  const named = { backupId: at.backupId }
  expect(await plan(both, named)).toMatchObject({ targetId: 'north', backup: { backupId: at.backupId } })
  const table = { tables: [{ schema: 'public', name: 'patient' }], into: { how: 'replace' } }
  expect(await plan(both, { tables: table })).toMatchObject({ targetId: 'south', backup: { backupId: newer } })

  // Of the cluster what loses least before the goal.
  const cluster = (goal: object) => ({ cluster: { place: 'beside', port: house.port, goal } })
  expect(await plan(both, cluster({ to: 'latest' }))).toMatchObject({ targetId: 'south' })
  expect(await plan(both, cluster({ to: 'end of backup' }))).toMatchObject({ targetId: 'north' })
  expect(await plan(both.toReversed(), cluster({ to: 'end of backup' }))).toMatchObject({ targetId: 'south' })

  const { restoreId } = await at.command(cfg, { backupId: newer, targets: both })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
})

test('what leads less far than the plan that was signed is refused, and the end says which target was away', async () => {
  await using own = new AsyncDisposableStack()
  const { at, base } = house
  const both = await configWith([at.targets.north, at.targets.south], own)
  own.use(await at.house.agent(both))
  const signed = { ...(await endOfWal(both, 'south')), goal: { to: 'latest' }, targets: ['south', 'north'] }
  const cfg = await configWith([at.targets.north], own)
  own.use(await at.house.agent(cfg))
  const error = { code: 'RESTORE_LOSES_MORE', facts: { targetId: 'north', passedOver: ['south: TARGET_UNREACHABLE'] } }
  const { restoreId } = await house.command(cfg, signed)
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'failed', swapped: false, error }])
  const rows = { kind: 'tables', tables: [{ schema: 'public', name: 'visit' }], into: { how: 'replace' } }
  const tables = await at.command(cfg, { ...signed, ...rows, backupId: base.backupId })
  expect(await at.settled(tables.restoreId)).toMatchObject([{ outcome: 'failed', swapped: false, error }])

  // What north has was signed.
  const less = await house.command(cfg, { ...signed, ...(await endOfWal(both, 'north')) })
  const passedOver = [{ targetId: 'south', error: { code: 'TARGET_UNREACHABLE' } }]
  expect(await at.settled(less.restoreId)).toMatchObject([{ outcome: 'done', passedOver }])
  expect((await at.audited(less.restoreId)).at(-1)).toMatchObject({ event: 'done', passedOver })
  expect(await house.beside(VISITS)).toBe('1 2 3 4')
  const release = await house.command(cfg, { action: 'release', place: 'beside' })
  expect(await at.settled(release.restoreId)).toMatchObject([{ outcome: 'done' }])
})

test('where the target whose WAL leads furthest turns out damaged, a cluster comes out of another one, and the end says which gave out', async () => {
  await using own = new AsyncDisposableStack()
  const { at } = house
  const damaged = faulty(at.targets.south, [{ on: 'get', key: /\/base\./, times: 1000, does: 'flip-bit' }])
  const cfg = await configWith([at.targets.north, damaged], own)
  own.use(await at.house.agent(cfg))
  const about = { goal: { to: 'latest' }, targets: ['north', 'south'], ...(await endOfWal(cfg, 'north')) }
  const { restoreId } = await house.command(cfg, about)
  const passedOver = [{ targetId: 'south', error: { code: 'ARTIFACT_DIGEST_MISMATCH' } }]
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', passedOver }])
  expect(await house.beside(VISITS)).toBe('1 2 3 4')
  const release = await house.command(cfg, { action: 'release', place: 'beside' })
  expect(await at.settled(release.restoreId)).toMatchObject([{ outcome: 'done' }])
})

test('an order fixes the backup, and of its targets the one is taken whose WAL leads furthest', async () => {
  await using own = new AsyncDisposableStack()
  const { at } = house
  const cfg = await configWith([at.targets.north, at.targets.south], own)
  own.use(await at.house.agent(cfg))
  const targets = ['away', 'north', 'south']
  const { restoreId } = await house.command(cfg, { goal: { to: 'latest' }, targets, ...(await endOfWal(cfg, 'south')) })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', passedOver: [{ targetId: 'away' }] }])
  expect(await house.beside(VISITS)).toBe('1 2 3 4 5')
})

test('where the target whose WAL leads furthest turns out damaged, the tables come out of one before it in the order', async () => {
  await using own = new AsyncDisposableStack()
  const { at } = house
  const damaged = faulty(at.targets.south, [{ on: 'get', key: /\/base\./, times: 1000, does: 'flip-bit' }])
  const cfg = await configWith([at.targets.north, damaged], own)
  own.use(await at.house.agent(cfg))
  const tables = [{ schema: 'public', name: 'visit' }]
  const about = { kind: 'tables', tables, into: { how: 'beside', schema: 'look' }, goal: { to: 'latest' } }
  const { restoreId } = await at.command(cfg, { ...about, backupId: house.base.backupId, targets: ['north', 'south'] })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', diffs: [{ table: 'public.visit', rows: 4 }] }])
})

test('a target that says nothing does not keep a plan from the others', async () => {
  await using own = new AsyncDisposableStack()
  const { at } = house
  const cfg = await configWith([silentNorth().target, at.targets.south], own)
  if (!cfg.restore) throw new Error('the agent restores')
  const by = { cfg, restore: cfg.restore, signal: new AbortController().signal, patienceMs: 3_000 }
  const wanted = { sourceId: SOURCE, targets: ['north', 'south'] as TargetId[], unproven: false }
  for (const backupId of [undefined, newer]) {
    const { target, chosen, passedOver } = await chooseDump({ ...wanted, backupId }, by)
    expect([target.id, chosen.seen.manifest.backupId]).toEqual(['south', newer])
    expect(passedOver).toMatchObject([
      { targetId: 'north', error: { code: 'TARGET_UNREACHABLE', facts: { waitedMs: 3_000 } } },
    ])
  }
})

/** A target that lists nothing before it is told to go on. */
function silentNorth(): { target: Target; goOn: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { north } = house.at.targets
  async function* list(...args: Parameters<Target['list']>) {
    await promise
    yield* north.list(...args)
  }
  return { target: { ...north, list }, goOn: resolve }
}

test('while a plan is made it is told once a second which targets it waits for', async () => {
  await using own = new AsyncDisposableStack()
  const { at } = house
  const { target, goOn } = silentNorth()
  const cfg = await configWith([target, at.targets.south], own)
  const { agentId } = cfg
  own.use(await at.house.agent(cfg))
  const restoreId = newRestoreId(Date.now())
  const told: string[] = []
  const stop = new AbortController()
  const watching = (async () => {
    const runId = restoreId as string
    for await (const { phase } of at.house.bus.watchProgress({ signal: stop.signal, runId })) told.push(phase)
  })()
  const about = { restoreId, agentId, sourceId: SOURCE, requestedAt: moment(Date.now()) }
  const wish = { targets: ['north', 'south'] as TargetId[], unproven: false, hooks: {} }
  await at.house.bus.publish(RestorePlanRequested, { ...about, ...wish })
  await expect.poll(() => told.filter((phase) => phase === 'plan: look at north').length).toBeGreaterThan(2)
  expect(told[0]).toBe('plan')
  goOn()
  const { plan } = await at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
  expect(plan).toMatchObject({ backup: { backupId: newer } })
  // Nothing is told of a plan that is made.
  const count = told.length
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  expect(told.slice(count + 1)).toEqual([])
  stop.abort()
  await watching
})

describe('a command leaves a target that says nothing behind when its time is up, and its end says so', () => {
  const rows = { kind: 'tables', tables: [{ schema: 'public', name: 'visit' }] }
  const targets = ['north', 'south']
  const passedOver = [
    { targetId: 'north', error: { code: 'TARGET_UNREACHABLE', facts: { targetId: 'north', waitedMs: 1_500 } } },
  ]
  const own = new AsyncDisposableStack()
  let agent: RunningAgent
  let cfg: AgentConfig
  beforeAll(async () => {
    cfg = await configWith([silentNorth().target, house.at.targets.south], own)
    agent = own.use(await house.at.house.agent(cfg))
  })
  afterAll(() => own.disposeAsync())

  const obeyed = async (change: object) => {
    const { at } = house
    const order = await at.order(cfg, change)
    const first = { attempt: 1, publishedAt: 0, signal: new AbortController().signal, log: silentLogger }
    await restoreOnCommand(agent.deps, 1_500)(await at.wish(order), first)
    return (await at.settled(order.restoreId))[0]
  }

  test('a database', async () => {
    expect(await obeyed({ backupId: newer, targets })).toMatchObject({ outcome: 'done', passedOver })
  })

  test('tables out of a dump', async () => {
    const into = { how: 'beside', schema: 'out_of_dump' }
    expect(await obeyed({ ...rows, backupId: newer, targets, into })).toMatchObject({ outcome: 'done', passedOver })
  })

  test('tables out of a cluster', async () => {
    const { backupId } = house.base
    const about = {
      backupId,
      targets,
      into: { how: 'beside', schema: 'out_of_cluster' },
      goal: { to: 'end of backup' },
    }
    expect(await obeyed({ ...rows, ...about })).toMatchObject({ outcome: 'done', passedOver })
  })

  test('a cluster beside, and the one that is moved on', async () => {
    const { backupId } = house.base
    const time = { to: 'time', time: house.between }
    const copies = { ...(await house.at.copies()), targets }
    const about = { kind: 'cluster', place: 'beside', backupId, targets, port: house.port }
    const release = () => obeyed({ kind: 'cluster', action: 'release', place: 'beside' })
    // Of an earlier test.
    await release()
    expect(await obeyed({ ...about, goal: time })).toMatchObject({ outcome: 'done', passedOver })
    const move = { kind: 'cluster', action: 'move', ...copies, goal: { to: 'name', name: 'later' } }
    expect(await obeyed(move)).toMatchObject({ outcome: 'done', passedOver })
    expect(await release()).toMatchObject({ outcome: 'done' })
  })
})
