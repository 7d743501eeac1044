import { chownSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverOwner, startPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import {
  contentsOf,
  fingerprintOf,
  folderOf,
  lastProgress,
  manifestOf,
  physicalChange,
  ROLES,
  taken,
} from './physical-house.ts'
import { recoverByPage } from './recover-by-page.ts'

const SSH_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICx9rDao/ckMUHmvQd3kcgoRt1NQbEulbnrWhBG1RBYJ'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

test('RECOVER.md of a base, followed word by word, brings the whole cluster back', async () => {
  await using agent = await house.agent(house.config(physicalChange('base')))
  const { backupId, physical, summary } = await taken(house, agent, 'base')
  expect(summary).toMatchObject({ tables: null, rows: null, databaseBytes: expect.any(Number) })
  expect(physical).toMatchObject({ timeline: 1, chain: 0, fromStandby: false, segmentBytes: 16_777_216 })
  const manifest = await manifestOf(house, agent, backupId)
  expect(manifest.physical).toEqual(physical)
  expect(manifest.artifacts.map(({ role, name }) => [role, name])).toEqual([
    ['base', 'base.tar.zst.age'],
    ['backup-manifest', 'backup_manifest.zst.age'],
    ['relations', 'relations.json.zst.age'],
  ])
  await using recovered = await recoverByPage(house, [folderOf(agent, backupId)])
  expect(recovered.said.join('')).toContain('backup successfully verified')
  await using copy = await recovered.connect('records')
  expect(await fingerprintOf(copy)).toEqual(await contentsOf(house, 'records'))
  expect(await recovered.query('postgres', 'SHOW archive_mode')).toEqual([{ archive_mode: 'off' }])
})

test('a base for a recipient that only the age program knows is encrypted by that', async () => {
  const cfg = house.config(physicalChange('base'))
  await using agent = await house.agent({ ...cfg, recipients: [...cfg.recipients, SSH_KEY] })
  const { backupId } = await taken(house, agent, 'base')
  const begin = await readFile(join(folderOf(agent, backupId), 'base.tar.zst.age.00000'), 'latin1')
  expect(begin.slice(0, 1000)).toMatch(/^age-encryption.org\/v1\n-> X25519 (?:.*\n)+-> ssh-ed25519 /)
  await using recovered = await recoverByPage(house, [folderOf(agent, backupId)])
  expect(recovered.said.join('')).toContain('backup successfully verified')
})

test('the progress of a base tells how much there is and ends there', async () => {
  await using told = lastProgress(house)
  await using agent = await house.agent(house.config(physicalChange('base')))
  const { runId, summary } = await taken(house, agent, 'base')
  // What was reported last is sent once the backup is told of.
  const share = () => {
    const { done = 0, total = 1 } = told.get(runId) ?? {}
    return done / total
  }
  await expect.poll(share).toBeGreaterThan(0.9)
  expect(told.get(runId)).toMatchObject({ phase: 'base', unit: 'bytes' })
  expect(told.get(runId)?.total).toBeGreaterThan(summary.databaseBytes * 0.9)
})

test('the size of a base counts databases its role may not connect to, for a restore needs their room', async () => {
  await using pg = await startPostgres({ roles: ROLES })
  await pg.query('postgres', 'CREATE DATABASE hidden')
  await pg.query('postgres', 'REVOKE CONNECT ON DATABASE hidden FROM PUBLIC')
  await pg.query('hidden', 'CREATE TABLE much AS SELECT repeat(g::text, 500) AS t FROM generate_series(1, 30000) g')
  await using agent = await house.agent(house.config(physicalChange('base', { port: pg.port, database: 'postgres' })))
  const { summary } = await taken(house, agent, 'base')
  const [{ bytes }] = await pg.query('postgres', 'SELECT sum(pg_database_size(oid))::float8 AS bytes FROM pg_database')
  expect(summary.databaseBytes).toBeGreaterThan(0.95 * bytes)
})

test('each tablespace has an artifact of its own and is found again in its new place', async () => {
  await using pg = await startPostgres({ roles: ROLES })
  const space = join(pg.socketDir, 'space')
  await mkdir(space)
  const { uid, gid } = serverOwner()
  chownSync(space, uid, gid)
  await pg.query('postgres', `CREATE TABLESPACE fast LOCATION '${space}'`)
  await pg.query('postgres', 'CREATE TABLE here TABLESPACE fast AS SELECT g FROM generate_series(1, 999) g')
  const cfg = house.config(physicalChange('base', { port: pg.port, database: 'postgres' }))
  await using agent = await house.agent(cfg)
  const { backupId, physical } = await taken(house, agent, 'base')
  expect(physical.tablespaces).toEqual([
    { oid: expect.any(String), path: space, artifact: expect.stringMatching(/^tablespace-\d+\.tar\.zst\.age$/) },
  ])
  const { artifacts } = await manifestOf(house, agent, backupId)
  expect(artifacts.map(({ role }) => role)).toEqual(['tablespace', 'base', 'backup-manifest', 'relations'])
  await using recovered = await recoverByPage(house, [folderOf(agent, backupId)])
  const asked =
    'SELECT (SELECT count(*)::int FROM here) AS rows, pg_tablespace_location(oid) AS path FROM pg_tablespace'
  const expected = { rows: 999, path: join(recovered.env.TABLESPACES ?? '', physical.tablespaces[0]?.oid ?? '') }
  expect(await recovered.query('postgres', `${asked} WHERE spcname = 'fast'`)).toEqual([expected])
})

test('a standby gives a base that recovers like one of its primary', async () => {
  // A standby refuses while WAL without full pages lies before it.
  await using pg = await startPostgres({ roles: ROLES, settings: { full_page_writes: 'on' } })
  await pg.query('postgres', 'CREATE TABLE sent AS SELECT g FROM generate_series(1, 77) g')
  await using standby = await startPostgres({ standbyOf: pg })
  const isThere = async () => (await standby.query('postgres', "SELECT to_regclass('sent') IS NOT NULL AS there"))[0]
  await expect.poll(isThere).toEqual({ there: true })
  const cfg = house.config(physicalChange('base', { port: standby.port, database: 'postgres' }))
  await using agent = await house.agent(cfg)
  const { backupId, physical } = await taken(house, agent, 'base')
  expect(physical.fromStandby).toBe(true)
  await using recovered = await recoverByPage(house, [folderOf(agent, backupId)])
  const asked = 'SELECT count(*)::int AS rows, pg_is_in_recovery() AS standby FROM sent'
  expect(await recovered.query('postgres', asked)).toEqual([{ rows: 77, standby: false }])
})

test('configuration outside the data directory comes along with its modes, and what it includes', async () => {
  const folder = join(house.folder, 'etc')
  await mkdir(join(folder, 'conf.d'), { recursive: true })
  await writeFile(join(folder, 'postgresql.conf'), "include_dir = 'conf.d'\nwork_mem = '7MB'\n")
  await writeFile(join(folder, 'conf.d', 'a.conf'), "include_if_exists 'absent.conf'\nmax_connections = 33\n")
  await writeFile(join(folder, 'conf.d', 'ignored.txt'), 'not a setting')
  await writeFile(
    join(folder, 'hba.conf'),
    'local all all trust\nhost all,replication all 127.0.0.1/32 scram-sha-256\n',
  )
  const { uid, gid } = serverOwner()
  for (const name of ['.', 'postgresql.conf', 'conf.d', 'conf.d/a.conf', 'hba.conf'])
    chownSync(join(folder, name), uid, gid)
  await chmod(house.folder, 0o711)
  await using pg = await startPostgres({
    roles: ROLES,
    settings: { config_file: join(folder, 'postgresql.conf'), hba_file: join(folder, 'hba.conf') },
  })
  const cfg = house.config(physicalChange('base', { port: pg.port, database: 'postgres' }))
  await using agent = await house.agent(cfg)
  const { backupId } = await taken(house, agent, 'base')
  await using recovered = await recoverByPage(house, [folderOf(agent, backupId)])
  const below = join(`${recovered.dataDir}.config`, folder)
  expect((await readdir(below, { recursive: true })).toSorted()).toEqual([
    ...['conf.d', 'conf.d/a.conf', 'hba.conf', 'postgresql.conf'],
  ])
  expect(await readFile(join(below, 'conf.d/a.conf'), 'utf8')).toContain('max_connections = 33')
})
