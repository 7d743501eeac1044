import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'
import { show, takeBackup } from './support/backups.ts'

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

async function copyOf(folder: string): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-recover-'))
  await cp(folder, path, { recursive: true })
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
