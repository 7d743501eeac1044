import { createHash } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey, formatLsn, segmentAt, type WalObject, type WalState, walKey } from '@lifeboat/shared/domain/wal.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { afterEach, beforeEach, expect } from 'vitest'
import { baseFacts } from './facts.ts'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

export const MIB = 1 << 20
export const kept = 'kept' as SourceId
export const lsn = (bytes: number) => formatLsn(BigInt(bytes))
export const segment = (no: number, timeline = 1): WalObject => ({
  kind: 'segment',
  segment: segmentAt(timeline, BigInt(no * MIB), MIB),
  digest: no.toString(16).padStart(16, '0'),
})

/** For each test of the file a fleet with a source whose WAL is kept, and what may be done there; nothing lies there yet. */
export function keptWal() {
  let fleet: TestFleet
  beforeEach(async () => {
    fleet = await startFleet()
  })
  afterEach(() => fleet[Symbol.asyncDispose]())

  /** Both targets with a marker and segments 1 to 4, and a base that ended in segment 1. */
  async function archive(): Promise<void> {
    for (const name of ['aws', 'gcp']) {
      await mkdir(join(fleet.dir, name))
      await put(name, [clusterKey(kept), ...[1, 2, 3, 4].map((no) => walKey(kept, segment(no)))])
    }
    // It ended after the archive began, as clocks may differ.
    await take(Date.now() + 3_600_000, lsn(MIB + 100))
    await say({})
  }

  async function put(name: string, keys: readonly Key[]): Promise<void> {
    await using target = await openFilesystem(
      name as TargetId,
      { kind: 'filesystem', path: join(fleet.dir, name), prefix: '' } as never,
    )
    const signal = new AbortController().signal
    for (const key of keys) {
      const body = Buffer.from(key)
      const digest = (kind: string) => createHash(kind).update(body).digest('hex')
      const sums = { sha256: digest('sha256') as never, md5: digest('md5') as never }
      await target.put(key, () => Readable.from([body]), { bytes: body.length, ...sums, role: 'part', signal })
    }
  }

  async function take(endMs: number, endLsn: string): Promise<void> {
    const catalog = await KvCatalog.open(fleet.bus)
    for (const fact of baseFacts(endMs, endLsn)) await catalog.apply(fact)
  }

  async function say(over: Partial<Record<keyof WalState, unknown>>): Promise<void> {
    const there = { lsn: lsn(5 * MIB), at: moment(Date.now()) }
    const state = {
      ...{ sourceId: kept, agentId: 'db1', at: there.at, status: 'streaming', systemIdentifier: '7', timeline: 1 },
      ...{
        segmentBytes: MIB,
        serverLsn: there.lsn,
        receivedLsn: there.lsn,
        safe: there,
        targets: { aws: there, gcp: there },
      },
      slot: { name: 'lifeboat_kept', retainedBytes: 5_000_000, warnBytes: 4e9, giveUpBytes: 32e9 },
      ...over,
    }
    await (await fleet.bus.bucket(WAL_BUCKET)).put(kept, state as WalState)
  }

  async function remove(target: string, no: number): Promise<void> {
    const name = segmentAt(1, BigInt(no * MIB), MIB)
    const folder = join(fleet.dir, target, 'kept', 'wal', '00000001')
    for (const file of await readdir(folder)) if (file.includes(name)) await rm(join(folder, file))
  }

  const place = (target: string, no: number) => join(fleet.dir, target, walKey(kept, segment(no)))

  const ask = async (...args: string[]) => {
    const [text, json] = await Promise.all([cli(fleet.dir, args), cli(fleet.dir, [...args, '--json'])])
    expect(json.code).toBe(text.code)
    return { code: text.code, out: text.out, err: text.err, value: JSON.parse(json.out) }
  }

  return {
    get fleet() {
      return fleet
    },
    ...{ archive, put, take, say, remove, place, ask },
  }
}
