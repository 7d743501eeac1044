import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import type { PhysicalWish } from '../src/check-physical.ts'
import { checkSource } from '../src/check-source.ts'
import type { SourceConnection } from '../src/connection.ts'

const search = { toolPaths: [] }
const roles = { reader: "LOGIN PASSWORD 'p'", mover: "LOGIN PASSWORD 'p'" }

function ask(pg: TestPostgres, kinds: PhysicalWish['kinds'], user = 'mover', retained?: PhysicalWish['retained']) {
  const to: SourceConnection = {
    ...{ host: pg.host, port: pg.port, database: 'postgres', user: 'reader', sslmode: 'prefer' as const },
    password: new Secret('p'),
  }
  const physical = { replication: { ...to, user }, kinds, retained }
  return checkSource(to, { rolePasswords: false, search, dumps: false, physical })
}

const lackingOf = (findings: Awaited<ReturnType<typeof ask>>) => findings.filter(({ state }) => state === 'lacking')

test('a server set up without replication, repaired by exactly what is printed, gives a base backup', async () => {
  await using pg = await startPostgres({ roles })
  await pg.query('postgres', 'ALTER SYSTEM SET wal_level = minimal')
  await pg.query('postgres', 'ALTER SYSTEM SET max_wal_senders = 0')
  const hba = join(pg.dataDir, 'pg_hba.conf')
  await writeFile(hba, (await readFile(hba, 'utf8')).replaceAll(/^.*replication.*$/gm, ''))
  await pg.restart()
  const into = await mkdtemp(join(tmpdir(), 'lifeboat-check-'))
  const backUp = () =>
    execFileSync(
      join(pg.binDir, 'pg_basebackup'),
      ['-h', pg.host, '-p', String(pg.port), '-U', 'mover', '-D', join(into, 'base')],
      {
        env: { PGPASSWORD: 'p' },
        stdio: 'pipe',
      },
    )
  const told: string[][] = []
  for (let round = 0; round < 5; round++) {
    const lacking = lackingOf(await ask(pg, new Set(['base', 'wal'])))
    if (lacking.length === 0) break
    expect(backUp).toThrow()
    told.push(lacking.map(({ check, statements }) => [check, ...statements].join(' ')))
    const line = /add "([^"]+)"/.exec(lacking.map(({ message }) => message).join('\n'))?.[1]
    if (line !== undefined) await writeFile(hba, `${await readFile(hba, 'utf8')}\n${line}\n`)
    for (const statement of lacking.flatMap(({ statements }) => statements)) await pg.query('postgres', statement)
    await pg.restart()
  }
  expect(told).toEqual([
    [
      'wal-level ALTER SYSTEM SET wal_level = replica;',
      'wal-senders ALTER SYSTEM SET max_wal_senders = 10;',
      'replication',
    ],
    ['replication SELECT pg_reload_conf();'],
    ['replication ALTER ROLE "mover" REPLICATION;'],
  ])
  backUp()
  await rm(into, { recursive: true })
})

test('an incremental asks for summarize_wal, and for PostgreSQL 17 where that is not there', async () => {
  await using pg = await startPostgres({ roles: { ...roles, mover: `${roles.mover} REPLICATION` } })
  const summaries = async () => (await ask(pg, new Set(['incremental']))).find(({ check }) => check === 'wal-summaries')
  if (pg.major < 17)
    return expect(await summaries()).toMatchObject({
      state: 'lacking',
      error: { code: 'BASE_INCREMENTAL_UNSUPPORTED' },
    })
  const before = await summaries()
  expect(before).toMatchObject({ state: 'lacking', statements: expect.arrayContaining(['SELECT pg_reload_conf();']) })
  for (const statement of before?.statements ?? []) await pg.query('postgres', statement)
  await expect.poll(summaries).toMatchObject({ state: 'fine' })
})

test('a server that gives a slot up before the configuration would is a note, and what is printed repairs it', async () => {
  await using pg = await startPostgres({ roles: { ...roles, mover: `${roles.mover} REPLICATION` } })
  const keeps = async (warn: number, giveUp: number) => {
    const found = await ask(pg, new Set(['wal']), 'mover', { warn: warn * 1024 ** 3, giveUp: giveUp * 1024 ** 3 })
    return found.find(({ check }) => check === 'slot-keeps')
  }
  expect(await keeps(4, 32)).toMatchObject({ state: 'fine', message: expect.stringContaining('no limit') })
  await pg.query('postgres', "ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'")
  await pg.query('postgres', 'SELECT pg_reload_conf()')
  await expect
    .poll(() => keeps(4, 32))
    .toMatchObject({ state: 'note', message: expect.stringContaining('retained.warn') })
  expect(await keeps(0.5, 1)).toMatchObject({ state: 'fine' })
  const short = await keeps(0.5, 2)
  expect(short).toMatchObject({ state: 'note', message: expect.stringContaining('retained.giveUp') })
  for (const statement of short?.statements ?? []) await pg.query('postgres', statement)
  await expect.poll(() => keeps(0.5, 2)).toMatchObject({ state: 'fine' })
})

test('configuration that cannot come along and missing checksums are notes', async () => {
  await using pg = await startPostgres({ roles: { ...roles, mover: `${roles.mover} REPLICATION` } })
  const notes = (await ask(pg, new Set(['base']))).filter(({ state }) => state === 'note')
  expect(notes.map(({ check }) => check)).toContain('data-checksums')
  expect(notes).toContainEqual(
    expect.objectContaining({ check: 'config-files', statements: ['GRANT pg_read_all_settings TO "reader";'] }),
  )
  await pg.query('postgres', 'GRANT pg_read_all_settings TO "reader"')
  const after = await ask(pg, new Set(['base']))
  expect(after.find(({ check }) => check === 'config-files')).toMatchObject({ state: 'fine' })
})

test('a cluster with data checksums needs no note about them', async () => {
  await using pg = await startPostgres({
    roles: { ...roles, mover: `${roles.mover} REPLICATION` },
    dataChecksums: true,
  })
  const findings = await ask(pg, new Set(['base']))
  expect(findings.find(({ check }) => check === 'data-checksums')).toMatchObject({ state: 'fine' })
})
