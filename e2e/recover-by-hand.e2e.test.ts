import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { cleanUpAfterUs, serverOwner, startPostgres } from '@lifeboat/testkit/postgres.ts'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { offSiteNow, WEEKLY, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { backUp, show, takeBackup } from './support/backups.ts'

const run = promisify(execFile)

test('the commands of RECOVER.md, word by word, bring the database back without Lifeboat', async () => {
  await using world = await startWorld({ services: ['scheduler', 'backup-agent', 'uploader'] })
  const backupId = await takeBackup(world, 'stored')
  // Two targets are enough, and this one need not be among them.
  await eventually(async () => expect((await show(world, backupId)).copies.north?.state).toBe('stored'))
  await using folder = await copyOf(join(world.targets.north?.address ?? '', SOURCE, 'backups', backupId))
  await using server = await startPostgres()

  const page = await readFile(join(folder.path, 'RECOVER.md'), 'utf8')
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  expect(blocks.length).toBeGreaterThan(3)
  const env = {
    PATH: process.env.PATH,
    IDENTITY: join(world.folder, 'keys/age-identity'),
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
  }
  for (const block of blocks) await run('sh', ['-c', block], { cwd: folder.path, env, maxBuffer: 64e6 })

  const { database, postgres } = world.source
  const count = 'SELECT count(*)::int AS rows, sum(hashtext(v::text)) AS hash FROM validation_results v'
  expect(await server.query(database, count)).toEqual(await postgres.query(database, count))
})

test('the page of a base leads to a moment behind it as well, with the WAL of the target and nothing of Lifeboat', async () => {
  await using world = await startWorld({
    services: ['scheduler', 'backup-agent', 'uploader'],
    configure: withBasesAndWal,
  })
  const { postgres, database } = world.source
  const sql = (text: string) => postgres.query(database, text)
  await sql('create table precious as select generate_series(1, 100) as n')
  const [backupId = ''] = await backUp(world, [SOURCE, '--policy', WEEKLY], 'stored')
  // A whole segment, and then pieces of the next.
  await sql('insert into precious select generate_series(101, 200); select pg_switch_wal()')
  await sql('insert into precious values (201)')
  const moment = await offSiteNow(world)
  await sql('create table somebody_elses ()')
  await sql('delete from precious')
  await offSiteNow(world)

  const owner = serverOwner()
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-recover-'))
  const watchdog = cleanUpAfterUs(folder)
  const source = join(world.targets.west?.address ?? '', SOURCE)
  await cp(join(source, 'backups', backupId), join(folder, backupId), { recursive: true })
  await cp(join(source, 'wal'), join(folder, 'wal'), { recursive: true })
  await cp(join(world.folder, 'keys/age-identity'), join(folder, 'identity'))
  await run('chown', ['-R', `${owner.uid}:${owner.gid}`, folder])
  const port = await freePort()
  const env = {
    ...{ PATH: `${postgres.binDir}:/usr/bin:/bin`, IDENTITY: join(folder, 'identity'), WAL: join(folder, 'wal') },
    ...{
      PGDATA: join(folder, 'data'),
      PGPORT: String(port),
      PGUSER: 'postgres',
      MOMENT: moment.replace('T', ' ').replace('Z', '+00'),
    },
  }
  const at = { ...owner, cwd: join(folder, backupId), env }
  const page = await readFile(join(folder, backupId, 'RECOVER.md'), 'utf8')
  const blocks = [...page.matchAll(/^```(sh|sh moment)\n([\s\S]*?)^```$/gm)].map(([, , block = '']) => block)
  const [toTheEnd] = blocks.splice(-2, 1)
  expect(toTheEnd).toMatch(/^pg_ctl start/)
  try {
    for (const block of blocks) await run('sh', ['-ec', block], at)
    const ask = ['-X', '-h', env.PGDATA, '-d', database, '-Atc', 'select count(*), max(n) from precious']
    await eventually(async () => expect((await run('psql', ask, at)).stdout).toBe('201|201\n'))
    const names = await readFile(`${env.PGDATA}.log`, 'utf8')
    expect(names).toMatch(/restored log file "000000010000000\d+" from archive/)
  } catch (thrown) {
    throw new Error(await readFile(`${env.PGDATA}.log`, 'utf8'), { cause: thrown })
  } finally {
    await run('pg_ctl', ['stop', '--mode=immediate', `--pgdata=${env.PGDATA}`], at).catch(() => {})
    await watchdog.release()
  }
})

async function copyOf(folder: string): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-recover-'))
  await cp(folder, path, { recursive: true })
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
