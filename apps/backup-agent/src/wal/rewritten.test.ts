import type { ReplicationConnection } from '@lifeboat/postgres/replication/connection.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import type { Met } from './begin.ts'
import { Holders } from './holders.ts'
import { behindArchive, refuseRewritten } from './rewritten.ts'
import type { Road, Standing } from './road.ts'
import { Seams } from './seams.ts'

const SEGMENT = 0x1000000
const north = 'north' as TargetId
const nobody = {} as ReplicationConnection

/** One target holds WAL up to `held`; up to `received` it came from the server. */
function at(held: bigint, received: bigint, lostTo?: bigint) {
  const holders = new Holders({ targets: new Map([[north, held]]), required: 1, path: pathTo(1) })
  const standing = { holders, segmentBytes: SEGMENT } as unknown as Standing
  const lost = lostTo === undefined ? undefined : { to: formatLsn(lostTo) }
  const road = { sourceId: 'records', now: { receivedLsn: received, lost } } as unknown as Road
  const meets = (flushed: bigint | undefined) =>
    refuseRewritten(road, nobody, standing, { flushed, path: pathTo(1) } as Met)
  return { road, standing, meets }
}

test('a primary that has what it sent goes on, and a standby says nothing by being behind', async () => {
  const { meets } = at(0x2000000n, 0x2800000n)
  await meets(0x2800000n)
  await meets(undefined)
})

test('a hole that is told is not told again while the server comes to its end', async () => {
  const { meets } = at(0x3000000n, 0x2100000n, 0x3000000n)
  const refused = expect.objectContaining({
    code: 'WAL_REWRITTEN',
    facts: expect.objectContaining({ goesOnAt: '0/3000000' }),
  })
  await expect(meets(0x2200000n)).rejects.toEqual(refused)
  await meets(0x3000000n)
})

test('WAL goes on with the first segment of which the archive has nothing', () => {
  const behind = (held: bigint, received: bigint) => {
    const { road, standing } = at(held, received)
    return behindArchive(road, standing)
  }
  expect(behind(0x2000000n, 0x2000001n)).toBe(0x3000000n)
  expect(behind(0x2000001n, 0x1000000n)).toBe(0x3000000n)
  expect(behind(0x2000000n, 0x2000000n)).toBe(0x2000000n)
})

test('how a segment began is known of the newest of each timeline, and asked of that one alone', () => {
  const seam = { timeline: 1, lsn: formatLsn(0x2800000n), digest: 'd' }
  const seams = new Seams(seam)
  seams.note({ ...seam, timeline: 2 })
  expect(seams.within(1, 0x2000000n, SEGMENT)).toEqual(seam)
  expect(seams.within(1, 0x1000000n, SEGMENT)).toBeUndefined()
  expect(seams.within(3, 0x2000000n, SEGMENT)).toBeUndefined()
})
