import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { DataOf, MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { WalRefused, WalSealed, WalStored } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import {
  clusterKey,
  clusterOfBasesKey,
  formatLsn,
  segmentAt,
  segmentRange,
  walKey,
} from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { type Fleet, startFleet } from './support/fleet.ts'

const signal = new AbortController().signal
const SOURCE = 'records' as SourceId
const SEGMENT_BYTES = 16 * 1024 ** 2
const CLUSTER = '7433221100998877665'

const memory = (id: string): MemoryTarget => openMemory(id as TargetId)

/** One segment as its agent would announce it. Encrypting is stood for by random bytes: the same plain bytes never look the same twice. */
function segment(fleet: Fleet, no: number, change: Partial<WalSealed> = {}) {
  const name = segmentAt(1, BigInt(no * SEGMENT_BYTES), SEGMENT_BYTES)
  const key = walKey(SOURCE, { kind: 'segment', segment: name, digest: String(no).padStart(16, 'a') })
  const { start, end } = segmentRange(name, SEGMENT_BYTES)
  const bytes = randomBytes(50_000)
  const path = `/wal/${SOURCE}/${key.slice(key.lastIndexOf('/') + 1)}`
  const sealed = WalSealed.schema.parse({
    ...{ sourceId: SOURCE, agentId: 'db1', key, timeline: 1, startLsn: formatLsn(start), endLsn: formatLsn(end) },
    ...{ bytes: bytes.length, sha256: digest('sha256', bytes), md5: digest('md5', bytes), systemIdentifier: CLUSTER },
    ...{ sealedAt: moment(Date.now()), targets: ['aws', 'gcp'], spoolUrl: fleet.spool.url, ...change },
  })
  return { key, bytes, sealed, path }
}

function digest(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

function hear<T>(bus: Bus, type: MessageType<T>): T[] {
  const heard: DataOf<typeof type>[] = []
  const listen = async () => {
    for await (const data of bus.follow(type, { since: 0, signal: new AbortController().signal })) heard.push(data)
  }
  listen().catch(() => {})
  return heard
}

test.concurrent('WAL reaches every target, behind a marker that says whose cluster it is', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  const stored = hear(fleet.bus, WalStored)
  await fleet.uploader([aws, gcp])
  const { key, bytes, sealed, path } = segment(fleet, 1)
  fleet.spool.files.set(path, bytes)
  await fleet.bus.publish(WalSealed, sealed)
  await until(
    () => stored.length,
    (count) => count === 2,
  )
  for (const { objects } of [aws, gcp]) {
    expect(objects.get(key)).toEqual(bytes)
    expect(JSON.parse(String(objects.get(clusterKey(SOURCE))))).toEqual({ format: 1, systemIdentifier: CLUSTER })
    const keys = [...objects.keys()]
    expect(keys.indexOf(clusterKey(SOURCE))).toBeLessThan(keys.indexOf(key))
  }
  expect(stored.map(({ startLsn, endLsn, agentId }) => [agentId, startLsn, endLsn])).toEqual([
    ['db1', '0/1000000', '0/2000000'],
    ['db1', '0/1000000', '0/2000000'],
  ])
})

test.concurrent('WAL that is told without its MD5 is stored, and who needs none says so', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), Object.assign(memory('gcp'), { checksMd5: true as const })]
  const stored = hear(fleet.bus, WalStored)
  await fleet.uploader([aws, gcp])
  const { key, bytes, sealed, path } = segment(fleet, 1, { md5: undefined })
  fleet.spool.files.set(path, bytes)
  await fleet.bus.publish(WalSealed, sealed)
  await until(
    () => stored.length,
    (count) => count === 2,
  )
  for (const { objects } of [aws, gcp]) expect(objects.get(key)).toEqual(bytes)
  const said = stored.map(({ targetId, withoutMd5 }) => [targetId, withoutMd5])
  expect(Object.fromEntries(said)).toEqual({ aws: true, gcp: undefined })
})

test.concurrent.each([
  ['WAL', clusterKey(SOURCE)],
  ['bases', clusterOfBasesKey(SOURCE)],
])(
  'a target that holds the %s of another cluster under this name refuses, and nothing there changes',
  async (_what, marker) => {
    await using fleet = await startFleet()
    const [aws, gcp] = [memory('aws'), memory('gcp')]
    const stored = hear(fleet.bus, WalStored)
    const refused = hear(fleet.bus, WalRefused)
    await fleet.uploader([aws, gcp])
    aws.objects.set(marker, Buffer.from('{"format":1,"systemIdentifier":"6999"}\n'))
    const before = new Map(aws.objects)
    const { bytes, sealed, path, key } = segment(fleet, 1)
    fleet.spool.files.set(path, bytes)
    await fleet.bus.publish(WalSealed, sealed)
    await until(
      () => [stored.length, refused.length],
      ([yes, no]) => yes === 1 && no === 1,
    )
    expect(refused[0]).toMatchObject({ targetId: 'aws', error: { code: 'WAL_FOREIGN', facts: { there: '6999' } } })
    aws.objects.delete('lifeboat.json')
    expect(aws.objects).toEqual(before)
    expect(gcp.objects.get(key)).toEqual(bytes)
  },
)

test.concurrent('what was encrypted anew and lies there already is stored, not refused and not written twice', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const stored = hear(fleet.bus, WalStored)
  await fleet.uploader([aws])
  const first = segment(fleet, 1, { targets: ['aws'] as TargetId[] })
  const again = segment(fleet, 1, { targets: ['aws'] as TargetId[] })
  for (const { path, bytes, sealed } of [first, again]) {
    fleet.spool.files.set(path, bytes)
    const before = stored.length
    await fleet.bus.publish(WalSealed, sealed)
    await until(
      () => stored.length,
      (count) => count > before,
    )
  }
  expect(stored.map(({ sha256 }) => sha256)).toEqual([first.sealed.sha256, again.sealed.sha256])
  expect(aws.objects.get(first.key)).toEqual(first.bytes)
})

test.concurrent('an announcement whose bytes the agent has encrypted anew since waits for the new one and is settled by it', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const stored = hear(fleet.bus, WalStored)
  await fleet.uploader([aws])
  const lost = segment(fleet, 1, { targets: ['aws'] as TargetId[] })
  const anew = segment(fleet, 1, { targets: ['aws'] as TargetId[] })
  fleet.spool.files.set(anew.path, anew.bytes)
  await fleet.bus.publish(WalSealed, lost.sealed)
  await until(
    () => fleet.spool.served.length,
    (count) => count >= 2,
  )
  expect(aws.objects.has(lost.key)).toBe(false)
  await fleet.bus.publish(WalSealed, anew.sealed)
  await until(
    () => stored.length,
    (count) => count === 2,
  )
  expect(aws.objects.get(anew.key)).toEqual(anew.bytes)
})

test.concurrent('a target that was down gets its WAL from another target once the agent has let it go', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  const stored = hear(fleet.bus, WalStored)
  let down = true
  const absent = wrap(gcp, {
    put: (key, body, opts) =>
      down ? Promise.reject(new LifeboatError('TARGET_UNREACHABLE')) : gcp.put(key, body, opts),
  })
  await fleet.uploader([aws, absent])
  const { key, bytes, sealed, path } = segment(fleet, 1)
  fleet.spool.files.set(path, bytes)
  await fleet.bus.publish(WalSealed, sealed)
  await until(
    () => stored.length,
    (count) => count === 1,
  )
  fleet.spool.files.delete(path)
  down = false
  await until(
    () => stored.length,
    (count) => count === 2,
  )
  expect(gcp.objects.get(key)).toEqual(bytes)
})

test.concurrent('nothing is put into the empty folder of a disk that is not mounted, nor by who is started then, and what waited is put when it is back', async () => {
  await using fleet = await startFleet()
  const dir = await mkdtemp(join(tmpdir(), 'lifeboat-nas-'))
  await using _disk = { [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) }
  const [path, elsewhere] = [join(dir, 'nas'), join(dir, 'elsewhere')]
  await mkdir(path)
  const open = () => openFilesystem('nas' as TargetId, { kind: 'filesystem', path, prefix: '' } as never)
  const stored = hear(fleet.bus, WalStored)
  const send = async (no: number) => {
    const one = segment(fleet, no, { targets: ['nas'] as TargetId[] })
    fleet.spool.files.set(one.path, one.bytes)
    await fleet.bus.publish(WalSealed, one.sealed)
    return one.key
  }
  const arrive = (most: number) =>
    until(
      () => stored.length,
      (count) => count === most,
    )
  const first = await fleet.uploader([await open()])
  await send(1)
  await arrive(1)
  await rename(path, elsewhere)
  await mkdir(path)
  const second = await fleet.uploader([await open()])
  const keys = await Promise.all([2, 3, 4, 5, 6, 7].map(send))
  await until(() => [first, second].some(({ lanes: [lane] }) => lane?.gate.away), Boolean)
  expect(await readdir(path)).toEqual([])
  await rmdir(path)
  await rename(elsewhere, path)
  await arrive(7)
  for (const key of keys) expect((await (await open()).stat(key, { signal }))?.key).toBe(key)
})
