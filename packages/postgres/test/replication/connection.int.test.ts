import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { replicate } from './house.ts'

test('the server says who it is, and slots are made once, read and dropped', async () => {
  await using pg = await startPostgres()
  await using connection = await replicate(pg)
  const [known] = await pg.query('postgres', 'SELECT system_identifier::text AS id FROM pg_control_system()')
  expect(await connection.identifySystem()).toEqual({
    systemIdentifier: known.id,
    timeline: 1,
    xlogpos: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/),
  })
  expect(Math.floor(connection.serverVersionNum / 10_000)).toBe(pg.major)
  expect(await connection.show('wal_segment_size')).toBe('16MB')
  expect(await connection.readSlot('lifeboat')).toBeUndefined()
  expect(await connection.createPhysicalSlot('lifeboat', { reserveWal: true })).toEqual({ created: true })
  expect(await connection.createPhysicalSlot('lifeboat', { reserveWal: true })).toEqual({ created: false })
  expect(await connection.readSlot('lifeboat')).toEqual({ restartLsn: expect.any(String), restartTimeline: 1 })
  expect(await connection.createPhysicalSlot('unused', { reserveWal: false })).toEqual({ created: true })
  expect(await connection.readSlot('unused')).toEqual({})
  expect(await connection.dropSlot('lifeboat')).toBe(true)
  expect(await connection.dropSlot('lifeboat')).toBe(false)
})

test('a role that may not replicate is told the statement that changes it', async () => {
  await using pg = await startPostgres({ roles: { 'odd role': "LOGIN PASSWORD 'x'" } })
  const as = { user: 'odd role', password: new Secret('x') }
  await expect(replicate(pg, as)).rejects.toMatchObject({
    code: 'SOURCE_REPLICATION_REFUSED',
    facts: { fix: 'ALTER ROLE "odd role" REPLICATION;' },
  })
  await pg.query('postgres', 'ALTER ROLE "odd role" REPLICATION;')
  await using connection = await replicate(pg, as)
  expect((await connection.identifySystem()).timeline).toBe(1)
})

test('an address that pg_hba.conf does not let replicate is told the line that does', async () => {
  await using pg = await startPostgres({ roles: { backup: "LOGIN REPLICATION PASSWORD 'x'" } })
  const file = join(pg.dataDir, 'pg_hba.conf')
  const before = await readFile(file, 'utf8')
  await writeFile(file, before.replaceAll(/^(local|host).*replication.*$/gm, ''))
  await pg.query('postgres', 'SELECT pg_reload_conf()')
  const as = { user: 'backup', password: new Secret('x') }
  const refused = await replicate(pg, as).catch((err: unknown) => err)
  expect(refused).toMatchObject({
    code: 'SOURCE_REPLICATION_REFUSED',
    facts: { fix: 'host replication backup 127.0.0.1/32 scram-sha-256' },
  })
  await appendFile(file, `${(refused as { facts: { fix: string } }).facts.fix}\n`)
  await pg.query('postgres', 'SELECT pg_reload_conf()')
  await using connection = await replicate(pg, as)
  expect((await connection.identifySystem()).timeline).toBe(1)
})

test('a wrong password is a wrong password', async () => {
  await using pg = await startPostgres()
  await expect(replicate(pg, { password: new Secret('wrong') })).rejects.toMatchObject({ code: 'SOURCE_AUTH_REFUSED' })
})

test('a server without replication, or with every sender busy, says so', async () => {
  await using off = await startPostgres({ settings: { wal_level: 'minimal', max_wal_senders: '0' } })
  await expect(replicate(off)).rejects.toMatchObject({ code: 'SOURCE_REPLICATION_OFF' })
  await using one = await startPostgres({ settings: { max_wal_senders: '1' } })
  await using _busy = await replicate(one)
  await expect(replicate(one)).rejects.toMatchObject({ code: 'SOURCE_SENDERS_EXHAUSTED' })
})
