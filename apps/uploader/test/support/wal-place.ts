import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEEP_READS_BUCKET, type WalDamage, walDamageKey } from '@lifeboat/catalog/audit/buckets.ts'
import { noteLetGo } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { type Moment, moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey, type Lsn, segmentAt, walKey } from '@lifeboat/shared/domain/wal.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { type Fault, faulty } from '@lifeboat/storage/layers/faulty.ts'
import { retrying } from '@lifeboat/storage/layers/retrying.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { readWalTurns } from '../../src/deep-read-wal.ts'
import type { Lane } from '../../src/deps.ts'
import { surveyWal } from '../../src/wal-survey/survey.ts'
import { FLEET, startFleet } from './fleet.ts'

const signal = new AbortController().signal
export const HOUR = 3_600_000
export const SEGMENT = 1 << 24
export const records = 'records' as SourceId

/** Segments 1 to 3, at every target. */
export const KEYS = [1n, 2n, 3n].map((no) =>
  walKey(records, {
    kind: 'segment',
    segment: segmentAt(1, no * BigInt(SEGMENT), SEGMENT),
    digest: `aaaa${no}`.padEnd(16, '7'),
  }),
)
const CLUSTER = Buffer.from(JSON.stringify({ format: 1, systemIdentifier: '7' }))
export const MARKER = Buffer.from(`${JSON.stringify({ format: 1, fleet: FLEET })}\n`)
/** The one in the middle. */
export const [, BAD = ''] = KEYS
export const bytesOf = (key: string) => Buffer.from(`age-encryption.org/v1\n${key}`.repeat(9999))
/** More than one chunk of a folder, and less than all. */
export const HALF = 500_000
/** Of what a target cannot do just now. */
export const TRIES = 2

/** A target whose store says of everything that it is locked. */
function lockedUntil(target: Target, until: Moment | undefined): Target {
  if (until === undefined) return target
  const stat: Target['stat'] = async (key, opts) => {
    const there = await target.stat(key, opts)
    return there && { ...there, lockedUntil: until }
  }
  return new Proxy(target, { get: (own, name) => (name === 'stat' ? stat : Reflect.get(own, name)) })
}

/** A target that tells when it is to be listed for the nth time. */
function beforeList(target: Target, nth: number, told: () => Promise<void>): Target {
  let lists = 0
  const list: Target['list'] = async function* (prefix, opts) {
    lists += 1
    if (lists === nth) await told()
    yield* target.list(prefix, opts)
  }
  return new Proxy(target, { get: (own, name) => (name === 'list' ? list : Reflect.get(own, name)) })
}

/** Folders with the WAL of one source in them, and one uploader; the first target is the one that is looked at. */
export async function startPlace(
  names: readonly string[],
  opts: { mayRemove: boolean; spoilt?: Record<string, readonly Fault[]>; locked?: Record<string, Moment> },
) {
  const { mayRemove, spoilt = {}, locked = {} } = opts
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
      await putObjects(target, [
        [FLEET_KEY, MARKER],
        [clusterKey(records), CLUSTER],
      ])
      await putObjects(
        target,
        KEYS.map((key) => [key, bytesOf(key)] as const),
      )
      const spoiled = retrying(faulty(target, spoilt[name] ?? []), { tries: TRIES, firstDelayMs: 1 })
      return lockedUntil(spoiled, locked[name])
    }),
  )
  const deps = await fleet.uploader(targets, { mayRemove })
  const reads = await fleet.bus.bucket(DEEP_READS_BUCKET)
  const states = await fleet.bus.bucket(WAL_BUCKET)
  const at = moment(Date.now())
  const lsn = '0/4000000'
  const there = Object.fromEntries(names.map((name) => [name, { lsn, at }]))
  const say = (targets: object, over: object = {}) =>
    states.put(records, {
      ...{ sourceId: records, agentId: 'db1', at, status: 'streaming', systemIdentifier: '7', timeline: 1 },
      ...{ segmentBytes: SEGMENT, serverLsn: lsn, receivedLsn: lsn, safe: { lsn, at }, targets },
      ...{ slot: { name: 'lifeboat', retainedBytes: 0, warnBytes: 1, giveUpBytes: 2 }, ...over },
    } as never)
  await say(there)
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
    /** A base that began then, and its WAL there. */
    async aBaseBegan(atMs: number, startLsn: string) {
      const { sealed } = smallCopy({ targets: [...names], atMs })
      const physical = { ...sealed.physical, startLsn, endLsn: startLsn } as never
      await deps.catalog.apply({ subject: 'backup.sealed', data: { ...sealed, physical } })
    },
    /** The cluster went over to another timeline, whose history every target gets. */
    async wentOver(timeline: number, lsn: string) {
      const key = walKey(records, { kind: 'history', timeline, digest: 'a'.repeat(16) })
      for (const target of targets) await putObjects(target, [[key, bytesOf(key)]])
      await say(there, { timeline, ancestors: [{ timeline: 1, end: lsn }] })
      return key
    },
    goesAlsoTo: (target: string) => say({ ...there, [target]: { lsn, at } }),
    /** By who removes it; no agent has heard of it. */
    noteLetGoBefore: (target: string, lsn: string, timeline = 1) =>
      noteLetGo(deps.walLetGo, { sourceId: records, targetId: target as TargetId, timeline, lsn: lsn as Lsn }),
    letGoBefore: (target: string, before: string) =>
      say({ ...there, [target]: { lsn, at, begins: { timeline: 1, lsn: before } } }),
    /** Now or earlier. */
    wasAway: (name: string) => fleet.wereAway.has(name),
    past,
    /** Two looks close together where something seems to be gone; `between`: what happens meanwhile. */
    async survey({
      between = async () => {},
      stop = signal,
    }: {
      between?: () => Promise<void>
      stop?: AbortSignal
    } = {}) {
      const [first, ...others] = deps.lanes as [Lane, ...Lane[]]
      const lanes = [{ ...first, target: beforeList(first.target, 2, between) }, ...others]
      await surveyWal({ ...deps, lanes }, stop, 20)
    },
    write: (target: string, key: string, bytes: Buffer) => writeFile(path(target, key), bytes),
    surveys: async () => (await Array.fromAsync(deps.walSurveys.entries())).map(({ value }) => value),
    async surveyIsDue(afterHours = 6) {
      const [known] = await this.surveys()
      if (known) await deps.walSurveys.put(records, { ...known, at: past(afterHours) })
    },
    put: (damage: object) => deps.walDamage.put(walDamageKey(damage as WalDamage), damage as WalDamage),
    noteDamaged(key: string) {
      const about = { sourceId: records, targetId: 'aws', key, found: 'damaged', problem: 'x', since: at, at }
      return this.put(about)
    },
    async restIsOver() {
      for (const damage of await this.all())
        if (damage.stuck) await this.put({ ...damage, stuck: { ...damage.stuck, again: past(1) } })
    },
    reads: async () => (await Array.fromAsync(reads.entries())).map(({ value }) => value),
    all: async () => (await Array.fromAsync(deps.walDamage.entries())).map(({ value }) => value),
    async damaged() {
      return (await this.all()).filter(({ mended }) => mended === undefined)
    },
    /** @param how.before it is listed */
    async read(
      deepRead = 1,
      { before = async () => {}, stop = signal }: { before?: () => Promise<void>; stop?: AbortSignal } = {},
    ) {
      const [lane] = deps.lanes
      if (lane === undefined) throw new Error('there is no lane')
      await readWalTurns({ ...deps, deepRead }, { ...lane, target: beforeList(lane.target, 1, before) }, stop)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
