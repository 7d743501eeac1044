import { setTimeout } from 'node:timers/promises'
import { reportGrowth } from '@lifeboat/recovery/dump/report-growth.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { Progress } from '@lifeboat/shared/run/run.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'

let pg: TestPostgres
beforeAll(async () => {
  pg = await startPostgres()
  await pg.query('postgres', 'create database growing')
})
afterAll(() => pg[Symbol.asyncDispose]())

const TOTAL = 12_000_000
function growing(port = pg.port) {
  const { host, user } = pg
  const password = new Secret(pg.password)
  const connection = { host, port, user, password, database: 'postgres', sslmode: 'prefer' as const }
  return { connection, applicationName: 'growth', database: 'growing', totalBytes: TOTAL }
}

test('a database that fills is told in bytes, up to what it was and never beyond, and no longer than the work lasts', async () => {
  const told: Progress[] = []
  const fill = async () => {
    await expect.poll(() => told.length).toBeGreaterThan(0)
    await pg.query('growing', `create table t as select repeat('x', 1000) as v from generate_series(1, 20000)`)
    await expect.poll(() => told.at(-1)?.done).toBe(TOTAL)
    return 'filled'
  }
  expect(await reportGrowth(fill(), growing(), { report: (progress) => void told.push(progress) })).toBe('filled')
  const count = told.length
  await setTimeout(1200)
  expect(told).toHaveLength(count)
  expect(told[0]?.done).toBeLessThan(TOTAL)
  expect(told.at(-1)).toEqual({ phase: 'restore', done: TOTAL, total: TOTAL, unit: 'bytes' })
})

test('a server that cannot be asked costs the progress and not the work, whose error comes through', async () => {
  const told: Progress[] = []
  const report = (progress: Progress) => void told.push(progress)
  expect(await reportGrowth(Promise.resolve('filled'), growing(1), { report })).toBe('filled')
  await expect(reportGrowth(Promise.reject(new Error('refused')), growing(), { report })).rejects.toThrow('refused')
  expect(told).toEqual([])
})

test('a server that falls silent keeps nobody waiting who has given up the work', async () => {
  const told: Progress[] = []
  const work = Promise.withResolvers<void>()
  const reporting = reportGrowth(work.promise, growing(), { report: (progress) => void told.push(progress) })
  await expect.poll(() => told.length).toBeGreaterThan(0)
  // One of the test before may be just about to end.
  const asked = `select pid from pg_stat_activity where application_name = 'growth' order by backend_start desc`
  const [{ pid }] = await pg.query('postgres', asked)
  process.kill(pid, 'SIGSTOP')
  try {
    await setTimeout(2500)
    work.reject(new Error('given up'))
    await expect(Promise.race([reporting, setTimeout(120_000, 'still waiting', { ref: false })])).rejects.toThrow(
      'given up',
    )
  } finally {
    process.kill(pid, 'SIGCONT')
  }
})
