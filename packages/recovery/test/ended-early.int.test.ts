import type { Goal } from '@lifeboat/recovery/goal.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { parseWalKey } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealedBase, sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type RecoveryHouse } from './recovery-house.ts'

const VISITS = 'select array_agg(no order by no) as visits from visit'
const PAGE = 8192

let house: RecoveryHouse
let pg: TestPostgres
let base: SealedBase
/** Where in which file the row of each visit was written; the third and the fourth share the segment that is not finished. */
let visits: { name: string; at: number }[]
/** Behind the second visit, and before the third. */
let between: Moment

beforeAll(async () => {
  house = await openHouse()
  pg = await startPostgres({ settings: { wal_keep_size: '1GB', autovacuum: 'off' } })
  await pg.query('postgres', 'create table visit (no int primary key)')
  base = await sealBase({ pg, database: 'postgres', ...house })
  visits = [await visit(1)]
  // A segment that is full to its last page, not switched away from.
  await pg.query(
    'postgres',
    `select pg_logical_emit_message(false, 'filler', repeat(md5('x'), 20000)) from generate_series(1, 40)`,
  )
  visits.push(await visit(2))
  await pg.query('postgres', 'select pg_sleep(0.05)')
  const [{ now }] = await pg.query('postgres', 'select clock_timestamp() as now')
  between = now.toISOString()
  await pg.query('postgres', 'select pg_sleep(0.05), pg_switch_wal()')
  visits.push(await visit(3), await visit(4))
})
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]()
  await house?.[Symbol.asyncDispose]()
})

async function visit(no: number): Promise<{ name: string; at: number }> {
  const [{ name, at }] = await pg.query(
    'postgres',
    `select file_name as name, file_offset as at from pg_walfile_name_offset(pg_current_wal_insert_lsn())`,
  )
  await pg.query('postgres', `insert into visit values (${no})`)
  return { name, at }
}

type Harm = (plain: Buffer, at: number) => void
const zeroed: Harm = (plain, at) => void plain.fill(0, at)
const garbled: Harm = (plain, at) => {
  const page = at - (at % PAGE)
  for (let i = Math.max(at, page + 40); i < page + PAGE && i < plain.length; i++) plain[i] = (plain[i] as number) ^ 0x5a
}

/** The archive anew, with the file of that visit harmed from its row on. Digests and seals fit what is stored. */
async function archive(no?: number, harm?: Harm): Promise<void> {
  const victim = no === undefined ? undefined : visits[no - 1]
  await archiveAs((name, plain) => {
    if (victim?.name === name) harm?.(plain, victim.at)
    return plain
  })
}

async function archiveAs(harm: (name: string, plain: Buffer) => Buffer): Promise<void> {
  for (const key of [...house.target.objects.keys()]) if (parseWalKey(key)) house.target.objects.delete(key)
  const { target, recipient } = house
  await sealWal({ pg, target, recipient, harm: (name, sent) => harm(name, Buffer.from(sent)) })
}

async function bringBack(goal: Goal): Promise<unknown> {
  try {
    await using back = await house.bringBack([base], { goal })
    return await back.ask('postgres', VISITS)
  } catch (thrown) {
    return (thrown as { code?: string }).code
  }
}

test('an unharmed archive comes back to its last row, and to a moment inside it', async () => {
  await archive()
  expect(await bringBack({ to: 'latest' })).toEqual([{ visits: [1, 2, 3, 4] }])
  expect(await bringBack({ to: 'time', time: between })).toEqual([{ visits: [1, 2] }])
})

test.each([
  ['zeros to its end, segments before the last', 1, zeroed],
  ['one page of other bytes, segments before the last', 1, garbled],
  ['zeros to its end, in the segment before the last', 2, zeroed],
  ['other bytes in the segment before the last', 2, garbled],
  ['zeros to its end, in the segment that was not finished', 3, zeroed],
  ['zeros to its end, in the page of the last row', 4, zeroed],
])('%s: recovery to the latest is refused rather than ended there in silence', async (_, no, harm) => {
  await archive(no, harm)
  expect(await bringBack({ to: 'latest' })).toBe('RECOVERY_ENDED_EARLY')
})

test.each([
  ['segments before the moment', 1, zeroed],
  ['in the very segment', 2, garbled],
])('WAL that cannot be read on the way to a moment is told as that: %s', async (_, no, harm) => {
  await archive(no, harm)
  expect(await bringBack({ to: 'time', time: between })).toBe('RECOVERY_ENDED_EARLY')
})

test('a moment behind the last transaction is told as that', async () => {
  await archive()
  const [{ now }] = await pg.query('postgres', 'select clock_timestamp() as now')
  expect(await bringBack({ to: 'time', time: now.toISOString() })).toBe('RECOVERY_BEYOND_ARCHIVE')
})

test('an archive that ends inside a record, which began segments before, comes back to what is whole before it', async () => {
  await pg.query('postgres', `select pg_logical_emit_message(false, 'long', repeat(md5('x'), 700000))`)
  const [{ last }] = await pg.query('postgres', 'select pg_walfile_name(pg_current_wal_flush_lsn()) as last')
  await archiveAs((name, plain) => (name === last ? plain.subarray(0, 4 * PAGE) : plain))
  expect(await bringBack({ to: 'latest' })).toEqual([{ visits: [1, 2, 3, 4] }])
})
