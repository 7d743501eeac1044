import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEEP_READS_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { WalAudited } from '@lifeboat/shared/bus/messages/audit.ts'
import { WalRefillRequested } from '@lifeboat/shared/bus/messages/wal.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { clusterKey, segmentAt, walKey } from '@lifeboat/shared/domain/wal.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { type Fault, faulty } from '@lifeboat/storage/layers/faulty.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { putObjects } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { readWalTurns } from '../src/deep-read-wal.ts'
import { startFleet } from './support/fleet.ts'

const signal = new AbortController().signal
const HOUR = 3_600_000
const SEGMENT = 1 << 24
const records = 'records' as SourceId

const KEYS = [1n, 2n, 3n].map((no) =>
  walKey(records, {
    kind: 'segment',
    segment: segmentAt(1, no * BigInt(SEGMENT), SEGMENT),
    digest: `aaaa${no}`.padEnd(16, '7'),
  }),
)
const CLUSTER = Buffer.from(JSON.stringify({ format: 1, systemIdentifier: '7' }))
const [, BAD = ''] = KEYS
const bytesOf = (key: string) => Buffer.from(`age-encryption.org/v1\n${key}`.repeat(99))

test('a flipped byte in WAL is found when its turn comes, told, and put anew from the target that has the right bytes', async () => {
  await using at = await startPlace(['aws', 'gcp', 'nas'], { mayRemove: true })
  await at.flip('aws', BAD)
  // This one has other bytes as well: it must not be taken from there.
  await at.flip('gcp', BAD)
  await at.aDayPasses()
  await at.read()
  const [found, mended] = await until(
    () => at.fleet.facts(WalAudited),
    (facts) => facts.length === 2,
    30_000,
  )
  expect(found).toMatchObject({ targetId: 'aws', key: BAD, found: 'damaged' })
  expect(found?.problem).toBe('its bytes are not those that were put there')
  expect(mended).toMatchObject({ targetId: 'aws', key: BAD, found: 'whole', from: 'nas' })
  expect((await readFile(at.path('aws', BAD))).equals(bytesOf(BAD))).toBe(true)
  expect(await at.damaged()).toEqual([])
})

test('what cannot be put anew stays damaged, aloud, is asked for again at the next turn, also when it vanished, and ends when it was let go', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true })
  for (const target of ['aws', 'gcp']) await at.flip(target, BAD)
  await at.aDayPasses()
  await at.read()
  const lost = await until(
    () => at.damaged(),
    ([damage]) => damage?.problem.includes('no other target') === true,
    30_000,
  )
  expect(lost).toMatchObject([{ targetId: 'aws', key: BAD, found: 'damaged' }])
  expect(lost[0]?.problem).toBe('its bytes are not those that were put there; no other target has it whole')
  await at.sixHoursPass()
  await at.read()
  // Found by the look, and told once more by who could not mend it; then both again.
  await until(
    () => at.fleet.facts(WalAudited),
    (facts) => facts.length >= 4,
    30_000,
  )
  expect((await at.damaged())[0]?.since).toBe(lost[0]?.since)
  for (const target of ['aws', 'gcp']) await rm(at.path(target, BAD))
  // Its last byte is inside the window still.
  await at.letGoBefore('0/2FFFFFF')
  await at.sixHoursPass()
  await at.read()
  const gone = await until(
    () => at.damaged(),
    ([damage]) => damage?.problem === 'it is not there; no other target has it whole',
    30_000,
  )
  expect(gone).toMatchObject([{ found: 'missing', since: lost[0]?.since }])
  await at.letGoBefore('0/3000000')
  await at.sixHoursPass()
  await at.read()
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
    30_000,
  )
})

test('another target that cannot be reached is not taken for this one: what it may have is told, and this one is asked on', async () => {
  const away = { on: 'stat', times: Number.POSITIVE_INFINITY, does: { fail: 'TARGET_UNREACHABLE' } } as const
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true, spoilt: { gcp: [away] } })
  for (const key of KEYS) await at.flip('aws', key)
  await at.aDayPasses()
  await at.read()
  const problem = `its bytes are not those that were put there; gcp could not be read, and no other target has it whole`
  await until(
    () => at.damaged(),
    (damages) => damages.length === KEYS.length && damages.every((damage) => damage.problem === problem),
    30_000,
  )
  expect(at.isAway('aws')).toBe(false)
})

test('another target that breaks off in the middle is no trouble of this one either; what could not be put is missing until the next turn', async () => {
  const [well, broken] = [1e9, 10].map((cutAfter) => ({ on: 'get', key: BAD, does: { cutAfter } }) as const)
  const script = [well, broken].filter((fault) => fault !== undefined)
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true, spoilt: { gcp: script } })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read()
  const problem = 'it is not there; gcp could not be read, and no other target has it whole'
  const lost = await until(
    () => at.damaged(),
    ([damage]) => damage?.problem === problem,
    30_000,
  )
  expect(lost).toMatchObject([{ key: BAD, found: 'missing' }])
  await at.sixHoursPass()
  await at.read()
  await until(
    () => at.damaged(),
    (damages) => damages.length === 0,
    30_000,
  )
  expect((await readFile(at.path('aws', BAD))).equals(bytesOf(BAD))).toBe(true)
})

test('where nothing may be removed, what is wrong stays and says why', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: false })
  await at.flip('aws', BAD)
  await at.aDayPasses()
  await at.read()
  const problem = 'its bytes are not those that were put there; this target has no removal credentials'
  await until(
    () => at.damaged(),
    ([damage]) => damage?.problem === problem,
    30_000,
  )
})

test('a target that lacks WAL is not filled with what is damaged elsewhere, but from the target that has the right bytes', async () => {
  await using at = await startPlace(['aws', 'gcp', 'nas'], { mayRemove: true })
  await rm(at.path('aws', BAD))
  await at.flip('gcp', BAD)
  const cluster = { systemIdentifier: '7', segmentBytes: SEGMENT, from: '0/0' }
  const targets = ['aws', 'gcp', 'nas']
  const wish = { sourceId: records, agentId: 'db1', targetId: 'aws', targets, reason: 'test', ...cluster }
  await at.fleet.bus.publish(
    WalRefillRequested,
    WalRefillRequested.schema.parse({ ...wish, requestedAt: moment(Date.now()) }),
  )
  const there = await until(
    () => readFile(at.path('aws', BAD)).catch(() => undefined),
    (bytes) => bytes !== undefined,
    30_000,
  )
  expect(there?.equals(bytesOf(BAD))).toBe(true)
})

test('uploaders share one turn, the first look reads nothing, and six hours pass before the next', async () => {
  await using at = await startPlace(['aws', 'gcp'], { mayRemove: true })
  await at.flip('aws', BAD)
  await at.firstLook()
  expect(await at.fleet.facts(WalAudited)).toEqual([])
  await at.aDayPasses()
  await Promise.all([at.read(), at.read()])
  await at.read()
  expect((await at.fleet.facts(WalAudited)).filter(({ found }) => found === 'damaged')).toHaveLength(1)
})

async function startPlace(
  names: readonly string[],
  { mayRemove, spoilt = {} }: { mayRemove: boolean; spoilt?: Record<string, readonly Fault[]> },
) {
  const stack = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'lifeboat-wal-'))
  stack.defer(() => rm(dir, { recursive: true }))
  const fleet = stack.use(await startFleet())
  const path = (target: string, key: string) => join(dir, target, key)
  const targets = await Promise.all(
    names.map(async (name) => {
      await mkdir(join(dir, name))
      const config = { kind: 'filesystem', path: join(dir, name), prefix: '' }
      const target = stack.use(await openFilesystem(name as TargetId, config as never))
      await putObjects(target, [[clusterKey(records), CLUSTER]])
      await putObjects(
        target,
        KEYS.map((key) => [key, bytesOf(key)] as const),
      )
      return faulty(target, spoilt[name] ?? [])
    }),
  )
  const deps = await fleet.uploader(targets, { mayRemove })
  const reads = await fleet.bus.bucket(DEEP_READS_BUCKET)
  const states = await fleet.bus.bucket(WAL_BUCKET)
  const at = moment(Date.now())
  const lsn = '0/4000000'
  await states.put(records, {
    ...{ sourceId: records, agentId: 'db1', at, status: 'streaming', systemIdentifier: '7', timeline: 1 },
    ...{ segmentBytes: SEGMENT, serverLsn: lsn, receivedLsn: lsn, safe: { lsn, at }, targets: {} },
    slot: { name: 'lifeboat', retainedBytes: 0, warnBytes: 1, giveUpBytes: 2 },
  } as never)
  const walRecords = await fleet.bus.bucket(WAL_RECORD_BUCKET)
  const past = (hours: number) => moment(Date.now() - hours * HOUR)
  const lookedBefore = (hours: number) =>
    reads.put('aws', { targetId: 'aws' as TargetId, at, creditBytes: 0, walAt: past(hours) })
  return {
    ...{ fleet, path },
    aDayPasses: () => lookedBefore(24),
    sixHoursPass: () => lookedBefore(6),
    async firstLook() {
      await reads.put('aws', { targetId: 'aws' as TargetId, at, creditBytes: 0 })
      await this.read()
      await this.read()
    },
    async flip(target: string, key: string) {
      const bytes = await readFile(path(target, key))
      bytes[99] = (bytes[99] ?? 0) ^ 1
      await writeFile(path(target, key), bytes)
    },
    letGoBefore: (before: string) =>
      walRecords.put(records, {
        ...{ sourceId: records, systemIdentifier: '7', safe: { lsn, at }, holes: [] },
        ...{ since: { lsn: before, at, timeline: 1 }, expired: true },
      } as never),
    isAway: (name: string) => deps.lanes.find(({ target }) => target.id === name)?.gate.away,
    damaged: async () => (await Array.fromAsync(deps.walDamage.entries())).map(({ value }) => value),
    async read() {
      const [lane] = deps.lanes
      if (lane === undefined) throw new Error('there is no lane')
      await readWalTurns({ ...deps, deepRead: 1 }, lane, signal)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
