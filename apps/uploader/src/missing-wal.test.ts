import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt, type WalObject, walKey } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { type Listed, missingWal } from './missing-wal.ts'

const SIZE = 1 << 24
const at = (no: number, timeline = 1) => segmentAt(timeline, BigInt(no * SIZE), SIZE)
const whole = (no: number, digest = 'a', timeline = 1): WalObject => ({
  kind: 'segment',
  segment: at(no, timeline),
  digest: digest.repeat(16),
})
const piece = (no: number, from: number, to: number): WalObject => ({
  kind: 'piece',
  segment: at(no),
  from,
  to,
  digest: 'c'.repeat(16),
})
const history = (timeline: number): WalObject => ({ kind: 'history', timeline, digest: 'd'.repeat(16) })

async function* listing(...objects: WalObject[]): AsyncGenerator<Listed> {
  const keys = objects.map((object) => walKey('records' as SourceId, object)).sort()
  for (const key of [...keys, 'records/wal/cluster.json']) yield { key, bytes: 10 }
}

async function missing(here: WalObject[], there: WalObject[], from = 0n): Promise<WalObject[]> {
  const found = missingWal(listing(...here), listing(...there), { from, segmentBytes: SIZE })
  return (await Array.fromAsync(found)).map(({ object }) => object)
}

test('what the other has and this one lacks, in the order of the log', async () => {
  const there = [whole(1), whole(2), whole(3), history(2), whole(3, 'a', 2)]
  expect(await missing([whole(2)], there)).toEqual([whole(1), whole(3), history(2), whole(3, 'a', 2)])
  expect(await missing(there, there)).toEqual([])
  expect(await missing([whole(9)], [])).toEqual([])
})

test('the same place with other contents is brought too: the audit is to see both', async () => {
  expect(await missing([whole(1)], [whole(1, 'b')])).toEqual([whole(1, 'b')])
})

test('pieces come only where nobody has their segment whole', async () => {
  expect(await missing([], [piece(1, 0, 10), piece(1, 10, 20), whole(1)])).toEqual([whole(1)])
  expect(await missing([whole(1)], [piece(1, 0, 10)])).toEqual([])
  expect(await missing([piece(1, 0, 10)], [piece(1, 0, 10), piece(1, 10, 20)])).toEqual([piece(1, 10, 20)])
})

test('what ends before the place from which WAL is needed stays away, histories do not', async () => {
  expect(await missing([], [whole(1), whole(2), history(2)], BigInt(2 * SIZE))).toEqual([whole(2), history(2)])
})
