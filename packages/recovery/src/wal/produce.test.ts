import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { segmentAt, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import type { WalSupply } from './find-wal.ts'
import { produceWal } from './produce.ts'

const SEGMENT_BYTES = 1024 ** 2
const segment = segmentAt(1, 3n * BigInt(SEGMENT_BYTES), SEGMENT_BYTES)
const OF = { systemIdentifier: '1' }

function supply(objects: WalObject[]): WalSupply {
  const listed = objects.map((object, no) => ({ key: String(no), object, bytes: 1 }))
  return { listed, path: pathTo(1), segmentBytes: SEGMENT_BYTES, own: { start: 0n, end: 0n } }
}

test('a whole segment is handed on as it was read', async () => {
  const bytes = Buffer.alloc(SEGMENT_BYTES)
  const of = supply([{ kind: 'segment', segment, digest: 'd' }])
  expect(await produceWal(segment, of, async () => bytes, OF)).toBe(bytes)
})

test('pieces are put together, zeros behind them, and give their memory back', async () => {
  const pieces = [Buffer.allocUnsafeSlow(100).fill(0), Buffer.allocUnsafeSlow(200).fill('b')]
  const of = supply([
    { kind: 'piece', segment, from: 0, to: 100, digest: 'd' },
    { kind: 'piece', segment, from: 100, to: 300, digest: 'e' },
  ])
  const made = await produceWal(segment, of, async ({ key }) => pieces[Number(key)] as Buffer, OF)
  const expected = Buffer.concat([Buffer.alloc(100), Buffer.alloc(200, 'b'), Buffer.alloc(SEGMENT_BYTES - 300)])
  expect(made?.equals(expected)).toBe(true)
  expect(pieces.map(({ length }) => length)).toEqual([0, 0])
})
