import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { cleanUpAfterUs, serverOwner } from '@lifeboat/testkit/postgres.ts'
import type { AgentHouse } from './agent-house.ts'

export interface Recovered extends AsyncDisposable {
  readonly folder: string
  readonly dataDir: string
  readonly env: Readonly<Record<string, string>>
  /** What each block of the page wrote. */
  readonly said: readonly string[]
  // biome-ignore lint/suspicious/noExplicitAny: rows of a test's own SQL
  query(database: string, sql: string): Promise<any[]>
  connect(database: string): Promise<SourceClient>
}

/**
 * Runs the shell blocks of a RECOVER.md word by word, with nothing of Lifeboat around: the folders of backups as a target has them, stock programs,
 * an ordinary user.
 *
 * @param folders of the backups in the spool; the last one's page is followed
 */
export async function recoverByPage(house: AgentHouse, folders: readonly string[]): Promise<Recovered> {
  const owner = serverOwner()
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-page-'))
  const watchdog = cleanUpAfterUs(folder)
  try {
    const copies = join(folder, 'copies')
    await mkdir(copies)
    for (const from of folders) await cp(from, join(copies, basename(from)), { recursive: true })
    await copyFile(house.identityFile, join(folder, 'identity'))
    await own(folder, owner)
    const port = await freePort()
    const env = {
      ...{ PATH: `${house.pg.binDir}:/usr/bin:/bin`, LC_ALL: 'C.UTF-8', IDENTITY: join(folder, 'identity') },
      ...{ PGDATA: join(folder, 'data'), PGPORT: String(port), PGUSER: 'postgres' },
      ...{ TABLESPACES: join(folder, 'spaces'), WORK: join(folder, 'work') },
    }
    const cwd = join(copies, basename(folders.at(-1) ?? ''))
    const said = blocksOf(await readFile(join(cwd, 'RECOVER.md'), 'utf8')).map((script) =>
      execFileSync('sh', ['-ec', script], { ...owner, cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    )
    const to = { host: env.PGDATA, port, user: 'postgres', sslmode: 'disable' as const }
    const connect = (database: string) =>
      connectSource({ ...to, database }, { applicationName: 'test', lockTimeoutMs: 10_000 })
    return {
      ...{ folder, dataDir: env.PGDATA, env, said, connect },
      async query(database, sql) {
        await using client = await connect(database)
        return (await client.query(sql)).rows
      },
      [Symbol.asyncDispose]: () => watchdog.release(),
    }
  } catch (err) {
    await watchdog.release()
    throw err
  }
}

function blocksOf(page: string): string[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, script]) => script ?? '')
}

async function own(folder: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  const names = await readdir(folder, { recursive: true })
  for (const path of [folder, ...names.map((name) => join(folder, name))]) chownSync(path, uid, gid)
  chmodSync(folder, 0o700)
}
