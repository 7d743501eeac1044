import { followFacts } from '@lifeboat/catalog/follow-facts.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { BackupFailed } from '@lifeboat/shared/bus/messages/backup.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse, type RunningAgent, SOURCE } from './agent-house.ts'
import { contentsOf, fingerprintOf, folderOf, physicalChange, type Sealed, taken } from './physical-house.ts'
import { recoverByPage } from './recover-by-page.ts'

const isAble = (installedMajors()[0] ?? 0) >= 17
if (!isAble) console.warn('NOT RUN: incremental backups. They need PostgreSQL 17 (`pnpm test:postgres 17`).')

test.runIf(!isAble)(
  'an incremental of a server before PostgreSQL 17 is refused for good, with what to do',
  async () => {
    await using house = await openAgentHouse()
    const cfg = house.config(physicalChange('incremental', { database: 'postgres' }))
    await using _agent = await house.agent(cfg)
    const { runId } = await house.wish(cfg, { kind: 'incremental' })
    const failed = await house.fact(BackupFailed, (fact) => fact.runId === runId)
    expect(failed).toMatchObject({ error: { code: 'BASE_INCREMENTAL_UNSUPPORTED' }, willRetry: false })
    expect(failed.error.hint).toContain('PostgreSQL 17')
  },
)

describe.runIf(isAble)('incrementals', () => {
  let house: AgentHouse
  let catalog: KvCatalog
  const stop = new AbortController()
  beforeAll(async () => {
    house = await openAgentHouse({ summarize_wal: 'on' })
    await house.database('records')
    catalog = await KvCatalog.open(house.bus)
    await followFacts(house.bus, catalog, { signal: stop.signal })
  })
  afterAll(async () => {
    stop.abort(new LifeboatError('SERVICE_STOPPING'))
    await house[Symbol.asyncDispose]()
  })

  /** Takes one and waits until the catalogue knows it, for the next one looks there. */
  async function next(agent: RunningAgent): Promise<Sealed> {
    const sealed = await taken(house, agent, 'incremental')
    await expect.poll(async () => (await catalog.get(sealed.backupId, SOURCE))?.sealedAt).toBeDefined()
    return sealed
  }

  test('a chain of three, combined by the commands of the last RECOVER.md, is what the source was', async () => {
    const cfg = house.config(physicalChange('incremental'))
    await using agent = await house.agent(cfg)
    const full = await next(agent)
    const chain = [full]
    expect(full.physical).toMatchObject({ chain: 0, fullBecause: 'no earlier backup of this cluster is known' })
    for (const round of [1, 2, 3]) {
      await house.pg.query('records', `UPDATE patient SET name = name || '!' WHERE id % 50 = ${round}`)
      await house.pg.query('records', `CREATE TABLE round_${round} AS SELECT g FROM generate_series(1, 1000) g`)
      chain.push(await next(agent))
    }
    const [, ...incrementals] = chain
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
  })
})
