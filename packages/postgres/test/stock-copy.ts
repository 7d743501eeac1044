import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { takeFingerprint } from '@lifeboat/postgres/fingerprint/take-fingerprint.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { Client } from 'pg'

const run = promisify(execFile)

/** Copies globals and one database to another server with PostgreSQL's own programs of the newer of the two, every error fatal. */
export async function copyWithStockTools(from: TestPostgres, to: TestPostgres, database: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-stock-copy-'))
  try {
    const bin = (tool: string) => join((from.major > to.major ? from : to).binDir, tool)
    const globals = await run(bin('pg_dumpall'), ['--globals-only', ...reach(from)], { maxBuffer: 1e9 })
    await run('sh', [
      '-c',
      `mkdir "$1" && { [ "$(id -u)" != 0 ] || chown postgres "$1"; }`,
      'sh',
      join(to.socketDir, 'moved'),
    ])
    const file = join(folder, 'globals.sql')
    // The superuser is there already, and the other server keeps its tablespace in a place of its own.
    const moved = globals.stdout
      .replace('CREATE ROLE postgres;', '')
      .replaceAll(/(CREATE TABLESPACE .* LOCATION) '.*'/g, `$1 '${to.socketDir}/moved'`)
    await writeFile(file, moved)
    await run(bin('psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file, '-d', 'postgres', ...reach(to)])
    const archive = join(folder, 'db.dump')
    await run(bin('pg_dump'), ['-Fc', '-f', archive, '-d', database, ...reach(from)])
    await run(bin('pg_restore'), ['--exit-on-error', '--create', '-d', 'postgres', ...reach(to), archive])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A fingerprint in a transaction of its own. */
export async function fingerprintOf(pg: TestPostgres, database: string): Promise<Fingerprint> {
  const client = await connect(pg, database)
  try {
    await client.query('begin isolation level repeatable read read only')
    return await takeFingerprint(client, { hashTablesUpToBytes: 1e12, signal: AbortSignal.timeout(300_000) })
  } finally {
    await client.end()
  }
}

export async function connect(pg: TestPostgres, database: string, user = pg.user): Promise<Client> {
  const client = new Client({ host: pg.socketDir, port: pg.port, user, database })
  client.on('error', () => {})
  await client.connect()
  return client
}

const reach = (pg: TestPostgres) => ['-h', pg.socketDir, '-p', String(pg.port), '-U', pg.user, '-w']
