import { connectSource } from '@lifeboat/postgres/connection.ts'
import { parseLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { recoverWorld } from '@lifeboat/testkit/world/recover.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backUp } from './support/backups.ts'
import { CLOUDS, type Cloud } from './support/cloud-settings.ts'

const VISITS = 'select count(*)::int as rows from visit'

let world: World
let moment: string
beforeAll(async () => {
  const services = ['scheduler', 'backup-agent', 'uploader'] as const
  world = await startWorld({ targets: CLOUDS, services, configure })
  const sql = (text: string) => world.source.postgres.query(world.source.database, text)
  await sql('create table visit as select i as no from generate_series(1, 100) i')
  await backUp(world, [SOURCE, '--policy', WEEKLY], 'stored')
  // A whole segment, and pieces of the one that is written when the rows are lost.
  await sql('insert into visit select generate_series(101, 150)')
  await sql('select pg_switch_wal()')
  await sql('insert into visit select generate_series(151, 200)')
  moment = await offSiteNow(world)
  await sql('create table somebody_elses ()')
  await sql('truncate visit')
  await offSiteNow(world)
})
afterAll(() => world?.[Symbol.asyncDispose]())

test('WAL reaches all three clouds, and an audit of each finds it whole', async () => {
  const { sources } = await world.json<{ sources: { state?: WalState }[] }>(['wal', 'status', SOURCE])
  const { targets = {} } = sources[0]?.state ?? {}
  expect(Object.keys(targets).toSorted()).toEqual(Object.keys(CLOUDS).toSorted())
  await until(
    () => world.cli(['wal', 'audit', SOURCE]),
    ({ code }) => code === 0,
  )
})

test.each(Object.keys(CLOUDS) as Cloud[])(
  'rows come back out of %s alone, as they were the moment before',
  async (from) => {
    await using recovered = await recoverWorld(world, { from, wanted: { goal: { to: 'time', time: moment as never } } })
    expect(parseLsn(recovered.recovered.lsn) > 0n).toBe(true)
    const session = { applicationName: 'e2e', lockTimeoutMs: 10_000 }
    await using client = await connectSource(recovered.connection(world.source.database), session)
    expect((await client.query(VISITS)).rows).toEqual([{ rows: 200 }])
  },
)

function configure(config: WorldConfig): void {
  withBasesAndWal(config)
  const targets = Object.keys(CLOUDS)
  const [weekly, wal] = [config.policies[WEEKLY], config.wal?.[SOURCE]]
  if (weekly === undefined || wal === undefined) throw new Error('the world keeps no WAL')
  Object.assign(weekly, { targets, copies: { required: targets.length } })
  Object.assign(wal, { targets, copies: { required: targets.length } })
  const { daily } = config.policies
  if (daily) daily.targets = targets
}
