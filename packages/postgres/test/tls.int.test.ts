import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { connectSource, type SourceClient, type SourceConnection } from '../src/connection.ts'
import { drain } from '../src/pipeline/drain.ts'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'
import { streamWal } from '../src/replication/wal-stream.ts'
import { pgDump } from '../src/tools/pg-dump.ts'
import type { Stage } from '../src/tools/stage.ts'
import { cancelIn, fill, never, reach, replicate, someFolder, takeBase, unpack, verify } from './replication/house.ts'

const session = { applicationName: 'lifeboat_test', lockTimeoutMs: 10_000 }
const SEGMENT = 16n * 1024n ** 2n

const startEncrypted = (tls = 'IP:127.0.0.1') => startPostgres({ tls })
const strict = (pg: TestPostgres): Partial<SourceConnection> => ({ sslmode: 'verify-full', sslrootcert: pg.caFile })

test('a base that comes over TLS verifies', async () => {
  await using pg = await startEncrypted()
  await using folder = await someFolder()
  await fill(pg, 't', 20)
  await using connection = await replicate(pg, strict(pg))
  const ofUs = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'lifeboat_test'"
  expect(await pg.query('postgres', ofUs)).toEqual([{ ssl: true }])
  const taken = await takeBase(connection, join(folder.path, 'ours'), { compression: { level: 3, workers: 2 } })
  await unpack(taken, join(folder.path, 'data'))
  expect(await verify(pg, join(folder.path, 'data'))).toBe('backup successfully verified')
})

test('a stream of WAL over TLS whose reader pauses holds the server back and misses nothing', async () => {
  await using pg = await startEncrypted()
  await using connection = await replicate(pg, strict(pg))
  const start = parseLsn((await connection.identifySystem()).xlogpos)
  const startLsn = start - (start % SEGMENT)
  await fill(pg, 't', 60)
  const [{ lsn }] = await pg.query('postgres', 'SELECT pg_current_wal_flush_lsn()::text AS lsn')
  const end = parseLsn(lsn)
  let expected = startLsn
  let paused = false
  for await (const event of streamWal(connection, { startLsn, timeline: 1 }, never)) {
    if (event.kind !== 'wal') continue
    expect(event.startLsn).toBe(expected)
    expected += BigInt(event.data.length)
    if (!paused) {
      paused = true
      await sleep(1500)
      expect(connection.wire.waitingBytes).toBeLessThan(2 * 1024 ** 2)
      const [{ sent }] = await pg.query('postgres', 'SELECT sent_lsn::text AS sent FROM pg_stat_replication')
      expect(parseLsn(sent)).toBeLessThan(end)
    }
    if (expected >= end) break
  }
  expect(expected).toBeGreaterThanOrEqual(end)
})

test('a base over TLS that is cancelled while the server waits for a checkpoint leaves nothing running there', async () => {
  await using pg = await startEncrypted()
  await using folder = await someFolder()
  await fill(pg, 't', 20)
  await using connection = await replicate(pg, strict(pg))
  const opts = { checkpoint: 'spread' } as const
  await cancelIn('checkpoint', pg, (signal) => takeBase(connection, folder.path, opts, signal))
})

test('a dump comes over TLS by the session and the pg_dump that name the right authority', async () => {
  await using pg = await startEncrypted()
  await fill(pg, 't', 1)
  expect(await dump(pg, strict(pg))).toBeGreaterThan(10_000)
})

test.each(['verify-full', 'verify-ca', 'require'] as const)(
  'a server whose authority is another than the one named is refused by sessions, replication and pg_dump (%s)',
  async (sslmode) => {
    await using pg = await startEncrypted()
    await using other = await startEncrypted()
    await refusedEach(pg, { sslmode, sslrootcert: other.caFile })
  },
)

test('an authority that is not there or cannot be read is refused as such, and not taken for a server that is down', async () => {
  await using pg = await startEncrypted()
  await using folder = await someFolder()
  const sslrootcert = join(folder.path, 'ca.crt')
  await refusedEach(pg, { sslmode: 'verify-full', sslrootcert })
  await writeFile(sslrootcert, 'no certificate')
  await refusedEach(pg, { sslmode: 'verify-full', sslrootcert })
})

test('a certificate for another name is refused by verify-full and enough for verify-ca', async () => {
  await using pg = await startEncrypted('DNS:localhost')
  await refusedEach(pg, strict(pg))
  await using connection = await replicate(pg, { ...strict(pg), sslmode: 'verify-ca' })
  expect((await connection.identifySystem()).timeline).toBe(1)
  expect(await dump(pg, { ...strict(pg), host: 'localhost' })).toBeGreaterThan(0)
})

test('prefer takes TLS where the server has it; who may not replicate over TLS is told a line that lets nobody in without', async () => {
  await using pg = await startEncrypted()
  await using connection = await replicate(pg)
  expect((await connection.identifySystem()).timeline).toBe(1)
  const file = join(pg.dataDir, 'pg_hba.conf')
  const lines = await readFile(file, 'utf8')
  await writeFile(file, lines.replaceAll(/^hostssl.*replication.*$/gm, ''))
  await pg.query('postgres', 'SELECT pg_reload_conf()')
  const refused = await replicate(pg).catch((err: unknown) => err)
  const fix = 'hostssl replication postgres 127.0.0.1/32 scram-sha-256'
  expect(refused).toMatchObject({ code: 'SOURCE_REPLICATION_REFUSED', facts: { fix } })
  await appendFile(file, `${fix}\n`)
  await pg.query('postgres', 'SELECT pg_reload_conf()')
  await using again = await replicate(pg)
  expect((await again.identifySystem()).timeline).toBe(1)
})

/** Bytes of a dump whose session and whose pg_dump reach the server in this way. */
async function dump(pg: TestPostgres, more: Partial<SourceConnection>): Promise<number> {
  const to = reach(pg, more)
  await using client = await connectSource(to, session)
  const stage = await dumpOf(pg, to, client)
  const { result } = await runPipeline([stage], drain, { signal: never, log: silentLogger })
  return result
}

async function dumpOf(pg: TestPostgres, connection: SourceConnection, client: SourceClient): Promise<Stage> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  const { rows } = await client.query<{ name: string }>('SELECT pg_export_snapshot() AS name')
  const program = join(pg.binDir, 'pg_dump')
  return pgDump({ ...session, program, connection, snapshot: rows[0]?.name ?? '' })
}

/** Sessions, replication and pg_dump ask for the same and get the same answer. */
async function refusedEach(pg: TestPostgres, more: Partial<SourceConnection>): Promise<void> {
  const refusal = { code: 'SOURCE_TLS_REFUSED', hint: expect.stringContaining('sslrootcert') }
  await expect(connectSource(reach(pg, more), session)).rejects.toMatchObject(refusal)
  await expect(replicate(pg, more)).rejects.toMatchObject(refusal)
  await using trusting = await connectSource(reach(pg, { sslmode: 'require' }), session)
  const stage = await dumpOf(pg, reach(pg, more), trusting)
  const dumping = runPipeline([stage], drain, { signal: never, log: silentLogger })
  await expect(dumping).rejects.toMatchObject(refusal)
}
