import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beginOfLastRecord, endOfLastRecord, endOfRecord } from '@lifeboat/recovery/wal/last-record.ts'
import { formatLsn, parseLsn, segmentAt } from '@lifeboat/shared/domain/wal.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const [PAGE, SEGMENT] = [8192, 0x100_0000]

/** As pg_waldump reads it: where each record ends, and the name of its kind. */
let records: { begin: bigint; end: bigint; isSwitch: boolean }[]
let segments: { start: bigint; wal: Buffer }[]

/** Short records, some of many pages, one longer than a segment, and a segment that was switched away from. */
beforeAll(async () => {
  await using pg = await startPostgres({ settings: { wal_keep_size: '1GB' } })
  const message = (chars: string, count: number) =>
    pg.query(
      'postgres',
      `select pg_logical_emit_message(true, 'x', repeat('x', ${chars})) from generate_series(1, ${count}) as n`,
    )
  await pg.query('postgres', 'select pg_switch_wal()')
  const [{ begin }] = await pg.query('postgres', 'select pg_current_wal_flush_lsn()::text as begin')
  await message('n * 7', 2_000)
  await message('n * 3001', 40)
  await pg.query('postgres', 'checkpoint; select pg_switch_wal()')
  await message('20000000', 1)
  await message('n', 100)
  await pg.query('postgres', 'select pg_switch_wal(); create table behind ()')
  const [{ end }] = await pg.query('postgres', 'select pg_current_wal_flush_lsn()::text as end')
  const folder = join(pg.dataDir, 'pg_wal')
  const args = ['-p', folder, '-s', begin, '-e', end]
  const { stdout } = await run(join(pg.binDir, 'pg_waldump'), args, { maxBuffer: 1e9 })
  const begins = [...stdout.matchAll(/lsn: ([0-9A-F]+\/[0-9A-F]+), prev \S+ desc: (\S+)/g)]
  const starts = [...begins.map(([, lsn = '']) => parseLsn(lsn)), parseLsn(end)]
  records = begins.map(([, , kind], i) => ({
    begin: starts[i] as bigint,
    end: beforeHeader(starts[i + 1] as bigint),
    isSwitch: kind === 'SWITCH',
  }))
  segments = []
  for (
    let start = parseLsn(begin) - (parseLsn(begin) % BigInt(SEGMENT));
    start < parseLsn(end);
    start += BigInt(SEGMENT)
  )
    segments.push({ start, wal: await readFile(join(folder, segmentAt(1, start, SEGMENT))) })
})

/** A record that ended with its page is followed by one behind the header of the next. */
function beforeHeader(lsn: bigint): bigint {
  const header = lsn % BigInt(SEGMENT) === 40n ? 40n : 24n
  return (lsn - header) % BigInt(PAGE) === 0n ? lsn - header : lsn
}

test('every record ends where the next begins', () => {
  for (const { begin, end } of records) {
    const { wal, start } = segments.find((each) => begin >= each.start && begin < each.start + BigInt(SEGMENT)) ?? {}
    if (wal === undefined || start === undefined) throw new Error(`no segment for ${begin}`)
    expect(formatLsn(start + BigInt(endOfRecord(wal, Number(begin - start), SEGMENT)))).toBe(formatLsn(end))
  }
  expect(records.filter(({ isSwitch }) => isSwitch).length).toBeGreaterThanOrEqual(2)
})

test('up to where a record ends, that record is the last to begin', () => {
  for (const { begin, end, isSwitch } of records) {
    const { wal, start } = segments.find((each) => begin >= each.start && begin < each.start + BigInt(SEGMENT)) ?? {}
    if (wal === undefined || start === undefined) throw new Error(`no segment for ${begin}`)
    const cut = isSwitch ? begin + 24n : end
    const found = beginOfLastRecord(wal.subarray(0, Number(cut - start)), start)
    expect(found === undefined ? 'none' : formatLsn(found)).toBe(formatLsn(begin))
  }
})

test('wherever an archive is cut between two pages or two records, the last whole record is found', () => {
  const last = records.at(-1)?.end ?? 0n
  let unknown = 0
  for (const { start, wal } of segments) {
    const pages = Array.from({ length: SEGMENT / PAGE }, (_, i) => start + BigInt((i + 1) * PAGE))
    const cuts = [...pages, ...records.map(({ end }) => end)].filter(
      (cut) => cut > (records[0]?.begin ?? 0n) && cut > start && cut <= start + BigInt(SEGMENT) && cut <= last,
    )
    for (const cut of cuts) {
      const found = endOfLastRecord(wal.subarray(0, Number(cut - start)), start)
      const expected = lastBefore(cut)
      if (found === undefined) unknown++
      if (found === undefined) expect(expected).toBeLessThanOrEqual(start)
      else expect([formatLsn(cut), formatLsn(found)]).toEqual([formatLsn(cut), formatLsn(expected)])
    }
  }
  expect(unknown).toBeGreaterThan(100)
})

/** Behind a switch nothing else is in the segment, so all of it up to the cut counts as read. */
function lastBefore(cut: bigint): bigint {
  const record = records.findLast(({ begin }) => begin < cut)
  if (record === undefined) throw new Error(`nothing before ${cut}`)
  return record.end <= cut
    ? record.end
    : record.isSwitch && cut >= record.begin + 24n
      ? cut
      : beforeHeader(record.begin)
}
