import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { fillByPgbench } from './cluster.ts'

/** PostgreSQL's own default. */
export const SEGMENT_BYTES = 16 * 1024 ** 2
/** Rows of it that change make some hundred megabytes of WAL, page images and all. */
const TABLE_BYTES = 300e6

/** The table `makeBacklog` changes. */
export function prepareBacklog(postgres: TestPostgres): Promise<void> {
  return fillByPgbench(postgres, TABLE_BYTES, ['--fillfactor=50'])
}

/** Changes rows until so many segments are full. @returns how many there are */
export async function makeBacklog(postgres: TestPostgres, segments: number): Promise<number> {
  const from = await lastFull(postgres)
  const enough = from + BigInt(segments) * BigInt(SEGMENT_BYTES)
  for (let turn = 0; (await lastFull(postgres)) < enough; turn++) {
    const some = `aid % 10 = ${turn % 10}`
    await postgres.query('postgres', `UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE ${some}`)
  }
  await postgres.query('postgres', 'SELECT pg_switch_wal()')
  return Number((await lastFull(postgres)) - from) / SEGMENT_BYTES
}

/** Where the last full segment ends. */
export async function lastFull({ query }: TestPostgres): Promise<bigint> {
  const [row] = await query('postgres', 'SELECT pg_current_wal_insert_lsn()::text AS lsn')
  const lsn = parseLsn(row.lsn)
  return lsn - (lsn % BigInt(SEGMENT_BYTES))
}
