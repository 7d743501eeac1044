import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TestPostgres } from '../postgres.ts'

const run = promisify(execFile)

/** A folder that stands for a machine with nothing on it; PostgreSQL's account may pass through. */
export async function emptyHost(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-host-'))
  await chmod(path, 0o755)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Stops, at the end of the scope, the server that a recovery has started in a data directory, if it has. */
export function stoppedInTheEnd(dataDir: string, { binDir }: Pick<TestPostgres, 'binDir'>): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const owner = process.getuid?.() === 0 ? { uid: Number((await run('id', ['-u', 'postgres'])).stdout) } : {}
      const stop = run(join(binDir, 'pg_ctl'), ['-D', dataDir, '-m', 'immediate', 'stop'], { ...owner, cwd: '/' })
      await stop.catch((thrown: { stderr?: string }) => {
        if (!/does not exist|Is server running/.test(thrown.stderr ?? '')) throw thrown
      })
    },
  }
}

/** Asks a recovered server, which has the superuser and the password of the one it came from. */
export async function askRecovered(
  { port, database, password }: { port: number; database: string; password: string },
  sql: string,
): Promise<unknown[]> {
  await using client = await connectSource(
    {
      ...{ host: '127.0.0.1', port, database, user: 'postgres', sslmode: 'disable' },
      password: new Secret(password),
    },
    { applicationName: 'a look', lockTimeoutMs: 10_000 },
  )
  return (await client.query(sql)).rows
}
