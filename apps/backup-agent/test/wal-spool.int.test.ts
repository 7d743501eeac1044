import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Md5, Sha256, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt, type WalObject, walFileName } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { openWalSpool } from '../src/wal/wal-spool.ts'
import { SEGMENT_BYTES } from './wal-house.ts'

const BYTES = 100
const packed = { bytes: BYTES, sha256: 'a'.repeat(64) as Sha256, md5: 'b'.repeat(32) as Md5 }
const digest = '0123456789abcdef'
const segment = (no: number, timeline = 1): WalObject => ({
  ...{ kind: 'segment', segment: segmentAt(timeline, BigInt(no * SEGMENT_BYTES), SEGMENT_BYTES), digest },
})

test('what recovery does not need any more leaves its room to what waits, also where a target never took it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-wal-spool-'))
  try {
    const targets = ['north', 'south'] as TargetId[]
    const spool = await openWalSpool({ folder, maxBytes: 5 * BYTES, targets, required: 2, log: silentLogger })
    const { signal } = new AbortController()
    const add = async (object: WalObject) => {
      await spool.add(walFileName(object), BYTES, (path) => writeFile(path, '').then(() => packed), signal)
    }
    const old: WalObject[] = [segment(1), segment(2)]
    const kept: WalObject[] = [segment(3), segment(1, 2), { kind: 'history', timeline: 1, digest }]
    for (const object of [...old, ...kept]) await add(object)
    const waiting = add(segment(4))
    // The window begins within segment 3.
    const [north, south] = [5, 0].map((more) => ({ timeline: 1, lsn: BigInt(3 * SEGMENT_BYTES + more) }))
    await spool.letGo([north, undefined], SEGMENT_BYTES)
    expect(spool.names()).toHaveLength(old.length + kept.length)
    // Of two windows the longer one counts.
    await spool.letGo([north, south], SEGMENT_BYTES)
    await waiting
    const left = [...kept, segment(4)].map(walFileName).sort()
    expect((await readdir(folder)).sort()).toEqual(left)
    expect(spool.names().sort()).toEqual(left)
    expect(spool.usedBytes).toBe(4 * BYTES)
  } finally {
    await rm(folder, { recursive: true })
  }
})
