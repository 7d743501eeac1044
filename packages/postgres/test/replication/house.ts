import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import { type BaseBackupResult, type BasePiece, baseBackup } from '@lifeboat/postgres/replication/base-backup.ts'
import type { BaseBackupOptions } from '@lifeboat/postgres/replication/base-command.ts'
import { connectReplication, type ReplicationConnection } from '@lifeboat/postgres/replication/connection.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, vi } from 'vitest'

export const run = promisify(execFile)
export const never = new AbortController().signal
export const patient = { timeout: 90_000, interval: 50 }

export function reach(pg: TestPostgres, more: Partial<SourceConnection> = {}): SourceConnection {
  const { host, port, user } = pg
  return { host, port, user, database: 'postgres', password: new Secret(pg.password), sslmode: 'prefer', ...more }
}

export function replicate(pg: TestPostgres, more: Partial<SourceConnection> = {}): Promise<ReplicationConnection> {
  return connectReplication(reach(pg, more), { applicationName: 'lifeboat_test' })
}

/** A folder that goes with its scope. */
export async function someFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-replication-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export const PLAIN: BaseBackupOptions = { label: "a test's label", checkpoint: 'fast', compression: 'none', wal: true }

export interface Taken {
  begin: Extract<BasePiece, { kind: 'begin' }>
  /** Names in the order they came; their files lie in `folder`. */
  archives: { name: string; tablespace?: { oid: string; path: string } }[]
  folder: string
  result: BaseBackupResult
}

/** Writes the archives and `backup_manifest` into `folder`. */
export async function takeBase(
  connection: ReplicationConnection,
  folder: string,
  opts: Partial<BaseBackupOptions> = {},
  signal: AbortSignal = never,
): Promise<Taken> {
  await mkdir(folder, { recursive: true })
  const taken: Partial<Taken> & Pick<Taken, 'archives'> = { archives: [] }
  for await (const piece of baseBackup(connection, { ...PLAIN, ...opts }, signal)) {
    if (piece.kind === 'begin') taken.begin = piece
    if (piece.kind === 'end') taken.result = piece.result
    if (piece.kind === 'manifest') await save(piece.bytes, join(folder, 'backup_manifest'))
    if (piece.kind !== 'archive') continue
    const { bytes, kind: _, ...named } = piece
    taken.archives.push(named)
    await save(bytes, join(folder, piece.name))
  }
  return { ...taken, folder } as Taken
}

/** Cancels a base once the server says that it is in this phase: it ends with that reason, and nothing of it runs in the server any more. */
export async function cancelIn(
  phase: 'checkpoint' | 'streaming',
  pg: TestPostgres,
  take: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const cancel = new AbortController()
  const taking = take(cancel.signal)
  const running = `SELECT 1 FROM pg_stat_progress_basebackup WHERE phase ~ '${phase}'`
  await vi.waitFor(async () => expect(await pg.query('postgres', running)).toHaveLength(1), patient)
  cancel.abort(new LifeboatError('RUN_CANCELLED'))
  await expect(taking).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
  const any = 'SELECT 1 FROM pg_stat_progress_basebackup'
  await vi.waitFor(async () => expect(await pg.query('postgres', any)).toEqual([]), patient)
}

/** Unpacks with the stock programs: the data directory at `into`, tablespaces beside it, linked. */
export async function unpack({ archives, folder }: Taken, into: string): Promise<void> {
  await mkdir(into, { recursive: true, mode: 0o700 })
  for (const { name, tablespace } of archives.toReversed()) {
    const place = tablespace === undefined ? into : `${into}-${tablespace.oid}`
    await mkdir(place, { recursive: true })
    const zstd = name.endsWith('.zst') ? ['--zstd'] : []
    await run('tar', ['-x', ...zstd, '-f', join(folder, name), '-C', place])
    if (tablespace !== undefined) await symlink(place, join(into, 'pg_tblspc', tablespace.oid))
  }
  await run('cp', [join(folder, 'backup_manifest'), into])
}

/** What pg_verifybackup says about an unpacked backup. */
export async function verify(pg: TestPostgres, folder: string): Promise<string> {
  const { stdout } = await run(join(pg.binDir, 'pg_verifybackup'), ['--exit-on-error', folder])
  return stdout.trim()
}

/** Fills a table with about so many megabytes. */
export async function fill(pg: TestPostgres, table: string, megabytes: number): Promise<void> {
  const rows = `SELECT g AS id, repeat(md5(g::text), 30) AS x FROM generate_series(1, ${megabytes * 1000}) g`
  await pg.query('postgres', `CREATE TABLE ${table} AS ${rows}`)
}

/** Stands between us and the server; cuts the connection once so many bytes came from the server, or falls silent when told. */
export async function startWire(
  pg: TestPostgres,
  cutAfterBytes = Number.POSITIVE_INFINITY,
): Promise<{ host: string; port: number; hush(): void } & AsyncDisposable> {
  const sockets: Socket[] = []
  let passed = 0
  let silent = false
  const server = createServer((near) => {
    const far = connect(pg.port, pg.host)
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => {})
    near.pipe(far)
    far.on('data', (chunk: Buffer) => {
      passed += chunk.length
      if (passed > cutAfterBytes) near.resetAndDestroy()
      else if (!silent) near.write(chunk)
    })
    far.on('close', () => near.destroy())
    near.on('close', () => far.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    hush: () => {
      silent = true
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function save(bytes: AsyncIterable<Buffer>, file: string): Promise<void> {
  await pipeline(Readable.from(bytes), createWriteStream(file))
}
