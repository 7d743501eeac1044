import { partKey } from '@lifeboat/shared/domain/keys.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installedMajors, startPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrillRoom, openDrillRoom } from './drill-room.ts'
import { makeRecords } from './records.ts'

const major = installedMajors()[0] ?? 0
const isAble = orNotRun(major >= 17, 'drills of incremental backups', 'PostgreSQL 17 (`pnpm test:postgres 17`)')

let room: DrillRoom
let chain: [SealedBase, SealedBase, SealedBase]

beforeAll(async () => {
  if (!isAble) return
  room = await openDrillRoom()
  await using pg = await startPostgres({ settings: { summarize_wal: 'on' } })
  await makeRecords(pg)
  const seal = (parent?: SealedBase) => {
    const { target, recipient, agent: signer } = room
    return sealBase({ pg, database: 'records', target, recipient, signer, ...(parent && { parent }) })
  }
  const full = await seal()
  await pg.query(
    'records',
    `update observation set note = 'seen' where id <= 100; create table later as select 1 as no`,
  )
  const second = await seal(full)
  await pg.query('records', `insert into later values (2)`)
  chain = [full, second, await seal(second)]
})
afterAll(() => room?.[Symbol.asyncDispose]())

const assertions = [
  { name: 'every change is there', sql: 'select sum(no) from later', expect: { equals: 3 } },
  { name: 'old rows too', sql: `select count(*) from observation where note = 'seen'`, expect: { equals: 100 } },
]

test.runIf(isAble)('a chain of a full base and two incrementals is combined and proven', async () => {
  const fact = await room.drill(chain[2].manifest, { rules: { assertions } })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
  const { checks, tools, phases } = await room.evidence(fact)
  expect(Object.keys(phases)).toEqual('download fetch boot extract verify combine replay check'.split(' '))
  expect(phases.combine).toBeGreaterThan(0)
  expect(checks.filter(({ check }) => check === 'backup-manifest').map(({ subject }) => subject)).toEqual(
    chain.map(({ manifest }) => manifest.backupId),
  )
  expect(checks.find(({ check }) => check === 'combine')?.answer).toBe('passed')
  expect(tools.pg_combinebackup).toContain('PostgreSQL')
  expect(await room.leftovers()).toEqual([])
})

test.runIf(isAble)('an incremental whose parent is damaged is failed, and the reason names the parent', async () => {
  const { manifest } = chain[1]
  const key = partKey(manifest.sourceId, manifest.backupId, manifest.artifacts[0]?.name as never, 0)
  const good = room.target.objects.get(key) as Buffer
  const bad = Buffer.from(good)
  bad[bad.length >> 1] = (bad[bad.length >> 1] as number) ^ 1
  room.target.objects.set(key, bad)
  const fact = await room.drill(chain[2].manifest)
  room.target.objects.set(key, good)
  expect(fact.verdict).toBe('failed')
  expect(fact.reasons.join()).toContain(manifest.backupId)
})

test.runIf(isAble)('an incremental whose parent is gone is failed before anything is fetched', async () => {
  const { manifest } = chain[0]
  const key = `${manifest.sourceId}/backups/${manifest.backupId}/manifest.json`
  const good = room.target.objects.get(key) as Buffer
  room.target.objects.delete(key)
  const fact = await room.drill(chain[2].manifest)
  room.target.objects.set(key, good)
  expect(fact.reasons).toEqual([
    `manifest ${manifest.backupId}: There is no manifest, so there is no backup (key ${key}).`,
  ])
})
