import { chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { followFacts } from '@lifeboat/catalog/follow-facts.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { BackupFailed } from '@lifeboat/shared/bus/messages/backup.ts'
import { moment, newDrillId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installedMajors, serverOwner } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { type AgentHouse, openAgentHouse, type RunningAgent, SOURCE } from './agent-house.ts'
import {
  contentsOf,
  fingerprintOf,
  folderOf,
  lastProgress,
  physicalChange,
  type Sealed,
  taken,
} from './physical-house.ts'
import { recoverByPage } from './recover-by-page.ts'

const major = installedMajors()[0] ?? 0
const isAble = orNotRun(major >= 17, 'incremental backups', 'PostgreSQL 17 (`pnpm test:postgres 17`)')
const isOld = orNotRun(major < 17, 'incremental backups of a server that cannot make any', 'PostgreSQL 15 or 16')

test.runIf(isOld)('an incremental of a server before PostgreSQL 17 is refused for good, with what to do', async () => {
  await using house = await openAgentHouse()
  const cfg = house.config(physicalChange('incremental', { database: 'postgres' }))
  await using _agent = await house.agent(cfg)
  const { runId } = await house.wish(cfg, { kind: 'incremental' })
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === runId)
  expect(failed).toMatchObject({ error: { code: 'BASE_INCREMENTAL_UNSUPPORTED' }, willRetry: false })
  expect(failed.error.hint).toContain('PostgreSQL 17')
})

describe.runIf(isAble)('incrementals', () => {
  let house: AgentHouse
  let catalog: KvCatalog
  const stop = new AbortController()
  beforeAll(async () => {
    house = await openAgentHouse({ settings: { summarize_wal: 'on' } })
    await house.database('records')
    catalog = await KvCatalog.open(house.bus)
    await followFacts(house.bus, catalog, { signal: stop.signal })
  })
  afterAll(async () => {
    stop.abort(new LifeboatError('SERVICE_STOPPING'))
    await house[Symbol.asyncDispose]()
  })

  /** What went elsewhere is nobody's parent here, so tests that share a source do not meet. */
  const elsewhere = (id: string) => ({ targets: [`target-${id}`] })

  /** Takes one and waits until the catalogue knows it, for the next one looks there. */
  async function next(agent: RunningAgent): Promise<Sealed> {
    const sealed = await taken(house, agent, 'incremental')
    await expect.poll(async () => (await catalog.get(sealed.backupId, SOURCE))?.sealedAt).toBeDefined()
    return sealed
  }

  test('a chain of three, combined by the commands of the last RECOVER.md, is what the source was', async () => {
    await using agent = await house.agent(house.config(physicalChange('incremental')))
    const space = await mkdtemp(join(house.pg.socketDir, 'space-'))
    const { uid, gid } = serverOwner()
    await chown(space, uid, gid)
    await house.pg.query('postgres', `CREATE TABLESPACE fast LOCATION '${space}'`)
    await house.pg.query('records', 'CREATE TABLE far TABLESPACE fast AS SELECT g FROM generate_series(1, 9000) g')
    await using told = lastProgress(house)
    const full = await next(agent)
    const chain = [full]
    expect(full.physical).toMatchObject({ chain: 0, fullBecause: 'no earlier backup of this cluster is known' })
    for (const round of [1, 2, 3]) {
      await house.pg.query('records', `UPDATE patient SET name = name || '!' WHERE id % 50 = ${round}`)
      await house.pg.query('records', `UPDATE far SET g = g + 1 WHERE g % 100 = ${round}`)
      await house.pg.query('records', `CREATE TABLE round_${round} AS SELECT g FROM generate_series(1, 1000) g`)
      chain.push(await next(agent))
    }
    const [, ...incrementals] = chain
    const totals = chain.map(({ runId }) => told.get(runId)?.total ?? 0)
    expect(Math.max(...totals.slice(1))).toBeLessThan(totals[0] ?? 0)
    for (const [index, { physical, bytes }] of incrementals.entries()) {
      expect(physical).toMatchObject({ chain: index + 1, parent: chain[index]?.backupId })
      expect(bytes).toBeLessThan(full.bytes / 2)
    }
    await using recovered = await recoverByPage(
      house,
      chain.map(({ backupId }) => folderOf(agent, backupId)),
    )
    await using copy = await recovered.connect('records')
    expect(await fingerprintOf(copy)).toEqual(await contentsOf(house, 'records'))
    expect(recovered.said.join('').match(/successfully verified/g)).toHaveLength(5)
    const [place] = await recovered.query(
      'postgres',
      'SELECT pg_tablespace_location(oid) AS path FROM pg_tablespace WHERE oid > 16000',
    )
    expect(place.path).toBe(join(recovered.env.TABLESPACES ?? '', full.physical.tablespaces[0]?.oid ?? ''))
  })

  test('a chain as long as the policy wants is followed by a full one', async () => {
    const cfg = house.config(physicalChange('incremental', { policy: { ...elsewhere('a'), base: { maxChain: 1 } } }))
    await using agent = await house.agent(cfg)
    const chains = [await next(agent), await next(agent), await next(agent), await next(agent)]
    expect(chains.map(({ physical }) => physical.chain)).toEqual([0, 1, 0, 1])
    expect(chains[2]?.physical.fullBecause).toBe('1 incrementals in a row are as many as the policy wants')
  })

  test('WAL summaries that somebody removed are told as the reason of a full one', async () => {
    await using agent = await house.agent(house.config(physicalChange('incremental', { policy: elsewhere('e') })))
    const { backupId } = await next(agent)
    const summaries = join(house.pg.dataDir, 'pg_wal', 'summaries')
    const there = () => readdir(summaries)
    await house.pg.query('records', 'CREATE TABLE summed AS SELECT 1 AS one')
    await house.pg.query('records', 'CHECKPOINT')
    await expect.poll(there).not.toEqual([])
    for (const name of await there()) await rm(join(summaries, name))
    const { physical, runId } = await next(agent)
    expect(physical).toMatchObject({ chain: 0, fullBecause: expect.stringContaining('ummaries') })
    expect(physical.fullBecause).toContain(backupId)
    expect(await house.facts(BackupFailed, (fact) => fact.runId === runId)).toEqual([])
  })

  test('an agent that lost its spool takes a full one', async () => {
    const cfg = house.config(physicalChange('incremental', { policy: elsewhere('b') }))
    const { backupId } = await takenBy(cfg)
    await rm(cfg.spool.path, { recursive: true })
    const { physical } = await takenBy(cfg)
    expect(physical).toMatchObject({ chain: 0, fullBecause: expect.stringContaining(`manifest of ${backupId}`) })
  })

  test('a parent that a drill disproved is not built upon', async () => {
    await using agent = await house.agent(house.config(physicalChange('incremental', { policy: elsewhere('c') })))
    const { backupId, sourceId, runId } = await next(agent)
    const drillId = newDrillId(Date.now())
    const about = { runId, drillId, backupId, sourceId, kind: 'incremental' as const, targetId: 'target-c' as TargetId }
    const drill = {
      verdict: 'failed' as const,
      reasons: ['a test says so'],
      finishedAt: moment(Date.now()),
      checks: [],
    }
    await catalog.apply({ subject: 'drill.finished', data: { ...about, ...drill } })
    const { physical } = await next(agent)
    expect(physical).toMatchObject({ chain: 0, fullBecause: `a drill disproved ${backupId} at target-c` })
  })

  test('a parent that the server refuses after all gives way to a full one in the same attempt', async () => {
    const cfg = house.config(physicalChange('incremental', { policy: elsewhere('d') }))
    await using agent = await house.agent(cfg)
    const { backupId } = await next(agent)
    const kept = join(cfg.spool.path, 'parents', SOURCE, `${backupId}.backup_manifest`)
    await writeFile(kept, (await readFile(kept, 'utf8')).replace('"Size": 8192', '"Size": 8191'))
    const { physical, runId } = await next(agent)
    expect(physical).toMatchObject({
      chain: 0,
      fullBecause: expect.stringContaining(`refused an incremental to ${backupId}`),
    })
    expect(await house.facts(BackupFailed, (fact) => fact.runId === runId)).toEqual([])
  })

  async function takenBy(cfg: AgentConfig): Promise<Sealed> {
    await using agent = await house.agent(cfg)
    return await next(agent)
  }
})
