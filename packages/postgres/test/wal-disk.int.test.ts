import { mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import type { ClientBase } from 'pg'
import { expect, test } from 'vitest'
import { connectSource } from '../src/connection.ts'
import { lookAtWalDisk } from '../src/wal-disk.ts'

test('room on the disk of pg_wal is what its file system says, and only where that is the disk of this very server', async () => {
  await using pg = await startPostgres({ roles: { reader: `LOGIN PASSWORD 'a'` } })
  const to = { host: '127.0.0.1', port: pg.port, database: 'postgres', sslmode: 'disable' as const }
  await using client = await connectSource(
    { ...to, user: pg.user, password: new Secret(pg.password) },
    {
      applicationName: 'test',
      lockTimeoutMs: 1000,
    },
  )
  const { bavail, bsize } = await statfs(join(pg.dataDir, 'pg_wal'))
  const seen = await lookAtWalDisk(client)
  // Others write to that disk meanwhile.
  expect('freeBytes' in seen && Math.abs(seen.freeBytes - bavail * bsize) / (bavail * bsize)).toBeLessThan(0.5)
  await client.query('SET ROLE reader')
  expect(await lookAtWalDisk(client)).toEqual({ unknown: expect.stringContaining('pg_read_all_settings') })
  await client.query('RESET ROLE')
  const pid = join(pg.dataDir, 'postmaster.pid')
  const lines = (await readFile(pid, 'utf8')).split('\n')
  const elsewhere = await mkdtemp(join(tmpdir(), 'lifeboat-other-'))
  const startedS = Number(lines[2])
  const answering = (dataDirectory: string): ClientBase =>
    ({ query: async () => ({ rows: [{ dataDirectory, startedS }] }) }) as never
  await writeFile(join(elsewhere, 'postmaster.pid'), lines.with(2, String(startedS - 3600)).join('\n'))
  expect(await lookAtWalDisk(answering(elsewhere))).toEqual({
    unknown: `another server lies in ${elsewhere} on this host`,
  })
  await rm(elsewhere, { recursive: true })
  expect(await lookAtWalDisk(answering(elsewhere))).toEqual({ unknown: expect.stringContaining('ENOENT') })
})
