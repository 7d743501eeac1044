import { randomBytes } from 'node:crypto'
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { bech32Text } from '@lifeboat/shared/age/bech32.ts'
import type { AgentId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import { expect, test, vi } from 'vitest'
import { plainDigest } from './plain-digest.ts'
import type { Cut } from './segment.ts'
import { Shipper } from './shipper.ts'
import type { WalSpool } from './wal-spool.ts'

const SEGMENT_BYTES = 1024 ** 2
const CLUSTER = { systemIdentifier: '7123456789012345678', segmentBytes: SEGMENT_BYTES }
const { signal } = new AbortController()

/** Ships into a spool that never finishes a file. */
function aShipper(onEncrypting: () => void): Shipper {
  const spool: Pick<WalSpool, 'describe' | 'add'> = {
    describe: () => Promise.resolve(undefined),
    add: () => new Promise(() => {}),
  }
  const recipients = [bech32Text('age', randomBytes(32))]
  return new Shipper({
    ...{ sourceId: 'records' as SourceId, agentId: 'db1' as AgentId, targets: ['aws' as TargetId] },
    ...{ spoolUrl: 'http://db1:1', compressionLevel: 3, spool: spool as WalSpool, bus: { publish: vi.fn() } },
    packing: {
      ...{ age: '/nowhere/age', md5: false },
      get recipients() {
        onEncrypting()
        return recipients
      },
    },
    ...{ clock: systemClock, log: silentLogger, signal, onTrouble: () => {}, onSealed: () => {} },
  })
}

function aSegment(no: number, release = () => {}): Cut {
  const bytes = Buffer.alloc(SEGMENT_BYTES, no)
  const start = BigInt(no * SEGMENT_BYTES)
  const segment = segmentAt(1, start, SEGMENT_BYTES)
  const place = { kind: 'segment', timeline: 1, segment, start, end: start + BigInt(SEGMENT_BYTES) } as const
  return { ...place, digest: plainDigest(bytes), bytes, release }
}

test('a segment is begun while the one before it has yet to be encrypted', async () => {
  const events: string[] = []
  const shipper = aShipper(() => events.push('encrypts one'))
  await shipper.ship(aSegment(1), CLUSTER, signal)
  await shipper.ship(aSegment(2), CLUSTER, signal)
  events.push('begins the second')
  await vi.waitFor(() => expect(events).toHaveLength(3))
  expect(events).toEqual(['begins the second', 'encrypts one', 'encrypts one'])
})

test('while what was compressed has no room to be written, nothing further is begun', async () => {
  const released: number[] = []
  let encrypted = 0
  const shipper = aShipper(() => {
    encrypted += 1
  })
  for (const no of [1, 2, 3, 4])
    await shipper.ship(
      aSegment(no, () => released.push(no)),
      CLUSTER,
      signal,
    )
  await vi.waitFor(() => expect(released).toContain(4))
  // What would begin the next one has happened by then.
  for (let turn = 0; turn < 10; turn++) await turnOfLoop()
  expect(shipper.idle).toBe(false)
  expect(encrypted).toBe(3)
})
