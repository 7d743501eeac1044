import { WAL_SURVEYS_BUCKET } from '@lifeboat/catalog/audit/wal-survey.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { startNats } from '@lifeboat/testkit/nats.ts'
import { expect, test } from 'vitest'
import { heldAllAlong } from '../src/wal/held-all-along.ts'
import { Holders } from '../src/wal/holders.ts'
import type { Road, Standing } from '../src/wal/road.ts'

const [aws, nas] = ['aws', 'nas'] as TargetId[] as [TargetId, TargetId]

test('a cluster that was put back is found on by what uploaders saw at targets, though nobody announces it any more', async () => {
  await using nats = await startNats()
  await using bus = await connectBus({ servers: [nats.url], name: 'test', log: silentLogger })
  const stopping = new AbortController()
  const sourceId = 'records' as SourceId
  const [left, end] = [0x100n, 0x900n]
  const holders = new Holders({
    targets: new Map([aws, nas].map((target) => [target, left])),
    required: 2,
    path: pathTo(2, [{ timeline: 1, end: left }]),
  })
  // It was brought back to `left`, and is now put back to what it had been.
  expect(holders.turn(pathTo(3, [{ timeline: 1, end }]))).toBe(false)
  const spans = (to: bigint) => [{ timeline: 1, from: formatLsn(0n), to: formatLsn(to) }]
  const held = { [aws]: { spans: spans(0xa00n), histories: [3] }, [nas]: { spans: spans(0x800n), histories: [] } }
  const surveys = await bus.bucket(WAL_SURVEYS_BUCKET)
  await surveys.put(sourceId, { sourceId, at: moment(Date.now()), seen: {}, held, gone: [] })

  const now = { listening: new AbortController() }
  const road = { bus, sourceId, agentId: 'db1', signal: stopping.signal, log: silentLogger, now }
  await heldAllAlong(road as unknown as Road, { holders } as Standing)
  // What the first timeline has beyond the place it was left is of no use.
  expect([holders.position(aws), holders.position(nas), holders.safe]).toEqual([end, 0x800n, 0x800n])
  stopping.abort()
})
