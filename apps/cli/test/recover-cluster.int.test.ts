import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { backupPrefix } from '@lifeboat/shared/domain/keys.ts'
import { newSigningKeyPair, openSigner } from '@lifeboat/shared/signing/signing.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareHouse, openBareHouse, writeStrangersIdentity } from './bare-house.ts'
import { cli, startCli } from './run-cli.ts'

let house: BareHouse
let pg: TestPostgres
let base: SealedBase
let between: Moment

beforeAll(async () => {
  house = await openBareHouse()
  pg = await startPostgres({ settings: { wal_keep_size: '1GB' } })
  await pg.query('postgres', `alter system set archive_command = 'cp %p /of/the/original/%f'`)
  await pg.query('postgres', `alter system set synchronous_standby_names = 'a_standby_that_is_gone'`)
  await pg.query('postgres', 'create database records')
  await pg.query('records', 'create table visit (no int primary key); insert into visit values (1)')
  base = await sealBase({ pg, database: 'records', signer: house.agent, ...house })
  await pg.query('records', 'insert into visit values (2); select pg_switch_wal(); select pg_sleep(0.05)')
  const [{ now }] = await pg.query('records', 'select clock_timestamp() as now')
  between = now.toISOString()
  await pg.query('records', 'select pg_sleep(0.05); insert into visit values (3)')
  await sealWal({ pg, ...house })
  await house.drilled(base.manifest)
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

const VISITS = `select string_agg(no::text, ' ' order by no) from visit`
const newFolder = () => join(house.folder, randomUUID())

test('out of a bucket and a key alone a cluster comes back to its last commit and runs on its own', async () => {
  const [folder, port] = [newFolder(), await freePort()]
  const { code, out, err } = await house.recover(['--to', folder, '--port', String(port), '--start', '--json'])
  expect(err).toBe('')
  expect(code).toBe(0)
  const { plan, signatures, result } = JSON.parse(out)
  expect(signatures).toBe('checked')
  expect(plan).toMatchObject({ kind: 'cluster', goal: 'the end of the archived WAL', obstacles: [] })
  expect(plan.backups).toMatchObject([{ backupId: base.manifest.backupId, drill: { verdict: 'proven' } }])
  expect(plan.loss.sentence).toMatch(/The target took its last WAL at/)
  try {
    expect(await house.ask(port, 'records', VISITS)).toBe('1 2 3')
    const settings = `select string_agg(current_setting(name), '|') from unnest(array['archive_mode', 'archive_command', 'synchronous_standby_names']) as name`
    expect(await house.ask(port, 'records', settings)).toBe('off|(disabled)|')
    expect(await house.ask(port, 'records', 'insert into visit values (4) returning pg_is_in_recovery()')).toBe('f')
  } finally {
    await house.stop(result.dataDir, pg.binDir)
  }
  expect((await house.names(folder)).sort()).toEqual(['data', 'server.log', 'tablespaces'])
})

test('to a moment, with a look before it is promoted', async () => {
  const [folder, port] = [newFolder(), await freePort()]
  const args = ['--to', folder, '--until', between, '--pause', '--port', String(port), '--start']
  const { code, out, err } = await house.recover(args, { answer: 'promote' })
  expect(err).toMatch(/stands still at .*\n.*psql -h \S+\/lb-\S+ /)
  expect(code).toBe(0)
  expect(out).toContain(`What was committed after ${between}`)
  try {
    expect(await house.ask(port, 'records', VISITS)).toBe('1 2')
  } finally {
    await house.stop(join(folder, 'data'), pg.binDir)
  }
})

test('discarded after the look, the folder is empty again', async () => {
  const folder = newFolder()
  const { code, out } = await house.recover(['--to', folder, '--until', between, '--pause'], { answer: 'discard' })
  expect(code).toBe(0)
  expect(out).toContain('Discarded')
  expect(await house.names(folder)).toEqual([])
})

test('stopped by Ctrl-C it leaves the folder empty', async () => {
  const folder = newFolder()
  const args = ['recover', '--from', house.address, '--identity', house.identityFile, ...house.signers, '--to', folder]
  // Nobody answers what is asked at the end: it cannot be through before it is stopped.
  const running = startCli(house.folder, [...args, '--until', between, '--pause'], {}, 'pipe')
  await expect.poll(async () => (await house.names(folder)).includes('recovery')).toBe(true)
  running.child.kill('SIGINT')
  expect((await running.end).code).toBe(130)
  expect(await house.names(folder)).toEqual([])
})

test('without a place it lists what there is, and says when no signature was checked', async () => {
  const listed = await house.recover(['--json'])
  expect(JSON.parse(listed.out)).toMatchObject({
    signatures: 'checked',
    distrusted: [],
    backups: [{ backupId: base.manifest.backupId, kind: 'base', proven: true, signer: 'db1' }],
  })
  const unchecked = await cli(house.folder, ['recover', '--from', house.address])
  expect(unchecked.out).toContain('Signatures were not checked')
  expect(unchecked.code).toBe(0)
})

test('a dry run tells chain, WAL, disk and loss, and touches nothing', async () => {
  const folder = newFolder()
  const { code, out } = await house.recover(['--to', folder, '--dry-run'])
  expect(code).toBe(0)
  for (const line of [
    /^out of +\S+-base-\S+, of .*proven/m,
    /^WAL +without a hole from \S+ to \S+ on timeline 1/m,
    /^disk +needs/m,
    /^lost /m,
  ])
    expect(out).toMatch(line)
  expect(await house.names(folder)).toEqual([])
})

test('with a strangers key nothing is fetched', async () => {
  const folder = newFolder()
  const identity = await writeStrangersIdentity(house.folder)
  const { code, err } = await house.recover(['--to', folder], { identity })
  expect(code).toBe(7)
  expect(err).toContain('ARTIFACT_KEY_WRONG: ')
  expect(await house.names(folder)).toEqual([])
})

test('a folder that holds something is left alone', async () => {
  const { code, err } = await house.recover(['--to', join(house.folder, 'bucket')])
  expect(code).toBe(7)
  expect(err).toContain('RECOVERY_PLACE_TAKEN')
})

test('a moment that has not come is refused before anything is fetched', async () => {
  const { code, err } = await house.recover(['--to', newFolder(), '--until', '2200-01-01T00:00:00Z'])
  expect(code).toBe(7)
  expect(err).toContain('RECOVERY_IN_FUTURE')
  expect((await house.recover(['--to', newFolder(), '--until', '2026-01-01 12:00'])).code).toBe(2)
})

test('a missing part stops it before the first byte, and a disk too small too', async () => {
  await using lacking = await openBareHouse()
  const broken = await sealBase({
    ...{ pg, database: 'records', signer: lacking.agent, ...lacking },
    change: (manifest) => ({ ...manifest, summary: { ...manifest.summary, databaseBytes: 10 ** 15 } }),
  })
  await lacking.drilled(broken.manifest)
  const part = `${backupPrefix(broken.manifest.sourceId, broken.manifest.backupId)}base.tar.zst.age.00001`
  await lacking.target.remove(part, { signal: AbortSignal.timeout(60_000) })
  const { code, out } = await lacking.recover([
    '--to',
    join(lacking.folder, 'new'),
    '--until',
    'end',
    '--dry-run',
    '--json',
  ])
  expect(code).toBe(7)
  const { plan } = JSON.parse(out)
  expect(plan.obstacles.map((obstacle: { code: string }) => obstacle.code)).toEqual([
    'ARTIFACT_PART_MISSING',
    'RECOVERY_NO_ROOM',
  ])
  const run = await lacking.recover(['--to', join(lacking.folder, 'new'), '--until', 'end'])
  expect(run.code).toBe(7)
  expect(run.err).toContain('ARTIFACT_PART_MISSING')
  expect(await lacking.names(join(lacking.folder, 'new'))).toEqual([])
})

test('what a stranger signed, and what nobody proved, is not recovered from', async () => {
  await using other = await openBareHouse()
  const empty = await other.recover(['--to', join(other.folder, 'new')])
  expect([empty.code, empty.err]).toEqual([7, expect.stringContaining('RECOVERY_NOTHING_THERE')])
  const stranger = await openSigner('db1', (await newSigningKeyPair()).privateKey)
  await sealBase({ pg, database: 'records', ...other, signer: stranger })
  const distrusted = await other.recover(['--to', join(other.folder, 'new')])
  expect([distrusted.code, distrusted.err]).toEqual([
    7,
    expect.stringMatching(/RECOVERY_NOTHING_THERE[\s\S]*signature verification failed/),
  ])
  await sealBase({ pg, database: 'records', ...other, signer: other.agent })
  const unproven = await other.recover(['--to', join(other.folder, 'new'), '--until', 'end'])
  expect([unproven.code, unproven.err]).toEqual([7, expect.stringMatching(/RECOVERY_UNPROVEN[\s\S]*never drilled/)])
  const tried = await other.recover(['--to', join(other.folder, 'new'), '--until', 'end', '--unproven'])
  expect([tried.code, tried.out]).toEqual([
    0,
    expect.stringMatching(/Recovered to the end of the backup: [0-9A-F]+\/[0-9A-F]+ on timeline 1/),
  ])
  await rm(join(other.folder, 'new'), { recursive: true })
})
