import { installHardDatabase } from '@lifeboat/testkit/hard-database/install.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealTablesOptions, sealTables } from '@lifeboat/testkit/seal-tables.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrillRoom, openDrillRoom } from './drill-room.ts'

let pg: TestPostgres
let room: DrillRoom
beforeAll(async () => {
  pg = await startPostgres()
  room = await openDrillRoom()
  await pg.query('postgres', 'CREATE DATABASE records')
  await pg.query(
    'records',
    `CREATE TYPE mood AS ENUM ('sad', 'glad');
     CREATE TABLE patient (id serial PRIMARY KEY, name text NOT NULL CHECK (name <> 'nobody'), m mood);
     INSERT INTO patient (name, m) SELECT 'p' || g, 'glad' FROM generate_series(1, 500) g;
     CREATE TABLE nothing (id int PRIMARY KEY)`,
  )
})
afterAll(async () => {
  await room[Symbol.asyncDispose]()
  await pg[Symbol.asyncDispose]()
})

const seal = (more: Partial<SealTablesOptions> = {}) =>
  sealTables({
    ...{ pg, database: 'records', list: ['patient', 'nothing'], target: room.target },
    ...{ recipient: room.recipient, signer: room.agent, ...more },
  })

test('tables are loaded, compared by content, held against their keys, and asked what the policy asks', async () => {
  const assertions = [{ name: 'patients are there', sql: 'SELECT count(*) FROM patient', expect: { atLeast: 1 } }]
  const fact = await room.drill(await seal(), { rules: { assertions } })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
  const evidence = await room.evidence(fact)
  expect(evidence.checks.slice(-4).map(({ check, answer, detail }) => `${check} ${answer}: ${detail}`)).toEqual([
    'restore passed: The server accepted every row of 2 tables.',
    'fingerprint passed: All 2 tables with 500 rows came back, compared by content.',
    expect.stringMatching(/^constraints passed: The rows obey 3 keys and checks/),
    'assertion passed: It is "500".',
  ])
  expect(evidence.recoveryMs).toBeGreaterThan(0)
  expect(await room.leftovers()).toEqual([])
})

test('every table of the hard database is proven', async () => {
  const database = await installHardDatabase(pg, { toast: false })
  const fact = await room.drill(await seal({ database, list: ['clinic.*'] }))
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
})

test('one other value, one row less and a row twice each fail the copy', async () => {
  const value = await room.drill(await seal({ spoil: (_title, csv) => csv.replace('p250', 'p25O') }))
  expect(value).toMatchObject({ verdict: 'failed', reasons: ['fingerprint: Rows of public.patient differ.'] })
  const less = await room.drill(await seal({ spoil: (_title, csv) => csv.replace(/^250,.*\n/m, '') }))
  expect(less.reasons[0]).toBe('fingerprint: public.patient has 499 rows instead of 500.')
  const twice = await room.drill(await seal({ spoil: (_title, csv) => csv.replace(/^(250,.*\n)/m, '$1$1') }))
  expect(twice.verdict).toBe('failed')
  expect(twice.reasons.join()).toMatch(/could not create unique index|501 rows instead of 500/)
})

test('a file the server does not take fails the copy, in its words', async () => {
  const fact = await room.drill(await seal({ spoil: (_title, csv) => csv.replace('glad', 'mad') }))
  expect(fact.verdict).toBe('failed')
  expect(fact.reasons[0]).toMatch(/public\.patient.*invalid input value for enum/s)
})

test('what this machine cannot make says nothing about the copy', async () => {
  const needs = [{ what: 'extension nowhere', sql: 'CREATE EXTENSION nowhere' }]
  const fact = await room.drill(await seal({ describe: (described) => ({ ...described, needs }) }))
  expect(fact.verdict).toBe('inconclusive')
  expect(fact.reasons[0]).toMatch(/extension nowhere cannot be made here/)
})
