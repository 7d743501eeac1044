import { expect, test } from 'vitest'
import type { SegmentName } from './wal.ts'
import { formatLsn, parseLsn, parseWalKey, rangeOf, segmentAt, segmentRange, type WalObject, walKey } from './wal.ts'

const MIB = 1024 ** 2
const digest = '0123456789abcdef'
const segment = '0000000200000001000000FF' as SegmentName

test('a log position survives being read and written', () => {
  for (const text of ['0/0', '0/16B3748', '16/B374D848', 'FFFFFFFF/FFFFFFFF'])
    expect(formatLsn(parseLsn(text))).toBe(text)
})

test('segments are named as pg_walfile_name names them, whatever their size', () => {
  expect(segmentAt(1, parseLsn('0/16B3748'), 16 * MIB)).toBe('000000010000000000000001')
  expect(segmentAt(2, parseLsn('1/FF000000'), 16 * MIB)).toBe('0000000200000001000000FF')
  expect(segmentAt(1, parseLsn('1/FF000000'), 64 * MIB)).toBe('00000001000000010000003F')
  expect(segmentAt(1, parseLsn('2/0'), 1024 * MIB)).toBe('000000010000000200000000')
})

test('a segment begins where its name says and ends where the next begins', () => {
  for (const size of [1, 16, 64, 1024]) {
    const { timeline, start, end } = segmentRange(segmentAt(7, parseLsn('3/C0000000'), size * MIB), size * MIB)
    expect([timeline, formatLsn(start), end - start]).toEqual([7, '3/C0000000', BigInt(size * MIB)])
  }
})

test('every object of the archive is read back from its key', () => {
  const objects: WalObject[] = [
    { kind: 'segment', segment, digest },
    { kind: 'piece', segment, from: 0, to: 8192, digest },
    { kind: 'piece', segment, from: 8192, to: 16 * MIB, digest },
    { kind: 'history', timeline: 2, digest },
  ]
  for (const object of objects) expect(parseWalKey(walKey('records' as never, object))).toEqual(object)
})

test('keys sort by timeline and place', () => {
  const keys = [
    walKey('r' as never, { kind: 'piece', segment, from: 0, to: 4096, digest }),
    walKey('r' as never, { kind: 'piece', segment, from: 4096, to: 8192, digest }),
    walKey('r' as never, { kind: 'segment', segment: '000000020000000200000000' as SegmentName, digest }),
  ]
  expect([...keys].sort()).toEqual(keys)
})

test('what is no object of the archive is told apart', () => {
  for (const key of ['r/wal/cluster.json', 'r/wal/00000001/notes.txt', `r/wal/00000001/${segment}.zst.age`])
    expect(parseWalKey(key)).toBeUndefined()
})

test('a piece holds the bytes its key names, a history none', () => {
  const piece = rangeOf({ kind: 'piece', segment, from: 8192, to: 16384, digest }, 16 * MIB)
  expect([piece?.start, piece?.end].map((lsn) => formatLsn(lsn ?? 0n))).toEqual(['1/FF002000', '1/FF004000'])
  expect(rangeOf({ kind: 'history', timeline: 2, digest }, 16 * MIB)).toBeUndefined()
})
