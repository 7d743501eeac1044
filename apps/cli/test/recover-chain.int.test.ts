import { join } from 'node:path'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { installedMajors, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareHouse, openBareHouse } from './bare-house.ts'

const VISITS = `select string_agg(no::text, ' ' order by no) from visit`
const major = installedMajors()[0] ?? 0
const isAble = orNotRun(major >= 17, '`lifeboat recover` of chains', 'PostgreSQL 17 (`pnpm test:postgres 17`)')

let house: BareHouse
let pg: TestPostgres
let chain: SealedBase[]
/** Behind the last incremental, between two rows. */
let between: Moment

beforeAll(async () => {
  if (!isAble) return
  house = await openBareHouse()
  pg = await startPostgres({ settings: { wal_keep_size: '1GB', summarize_wal: 'on' } })
  await pg.query('postgres', 'create database records')
  await pg.query('records', 'create table visit (no int primary key); insert into visit values (1)')
  const seal = (parent?: SealedBase) =>
    sealBase({ pg, database: 'records', signer: house.agent, ...house, ...(parent && { parent }) })
  const full = await seal()
  await pg.query('records', 'insert into visit values (2)')
  const second = await seal(full)
  await pg.query('records', 'insert into visit values (3)')
  chain = [full, second, await seal(second)]
  await pg.query('records', 'insert into visit values (4); select pg_switch_wal(); select pg_sleep(0.05)')
  const [{ now }] = await pg.query('records', 'select clock_timestamp() as now')
  between = now.toISOString()
  await pg.query('records', 'select pg_sleep(0.05); insert into visit values (5)')
  await sealWal({ pg, ...house })
  for (const { manifest } of chain) await house.drilled(manifest)
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

test.runIf(isAble)(
  'a full base, two incrementals and WAL come back to a moment out of a bucket and a key alone',
  async () => {
    const [folder, port] = [join(house.folder, 'back'), await freePort()]
    const args = ['--to', folder, '--until', between, '--port', String(port), '--start', '--json']
    const { code, out, err } = await house.recover(args)
    expect(err).toBe('')
    expect(code, out).toBe(0)
    const { plan } = JSON.parse(out)
    expect(plan.backups.map(({ backupId }: { backupId: string }) => backupId)).toEqual(
      chain.map(({ manifest }) => manifest.backupId),
    )
    try {
      expect(await house.ask(port, 'records', VISITS)).toBe('1 2 3 4')
    } finally {
      await house.stop(join(folder, 'data'), pg.binDir)
    }
  },
)
