import { DEEP_READS_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { readWal } from '@lifeboat/catalog/audit/read-wal.ts'
import { surveyTarget } from '@lifeboat/catalog/audit/survey.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { CopyAudited, CopyRemade, CopyRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import { WalRefillRequested } from '@lifeboat/shared/bus/messages/wal.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { type AgentId, moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey, segmentAt, walKey, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { getBytes, listKeys } from '@lifeboat/storage/conformance/target-case.ts'
import { openTarget, TARGET_KINDS } from '@lifeboat/storage/open-target.ts'
import { type Buckets, startBuckets } from '@lifeboat/testkit/buckets.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { putObjects, smallCopy, spoil } from '@lifeboat/testkit/small-copy.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deepReads } from '../src/deep-read.ts'
import { startFleet } from './support/fleet.ts'
import { MARKER } from './support/wal-place.ts'

const signal = new AbortController().signal
const HOUR = 3_600_000
const SEGMENT = 1 << 24
const records = 'records' as SourceId

let buckets: Buckets
beforeAll(async () => {
  buckets = await startBuckets()
})
afterAll(() => buckets?.[Symbol.asyncDispose]())

const CLOUDS = TARGET_KINDS.filter((kind) => kind !== 'filesystem')

test.each(CLOUDS)(
  'a %s target that was added later is filled from another one, a base, its incremental and the WAL behind them',
  async (kind) => {
    await using place = await openPlace(['filesystem'])
    const { fleet, base, child, catalog, targets, wal } = place
    const targetId = kind as TargetId
    const target = targets[kind]
    for (const { backupId } of [base, child]) {
      const about = { sourceId: records, backupId, targetId, reason: 'added later' }
      await fleet.bus.publish(CopyRemakeRequested, { ...about, requestedAt: moment(Date.now()) })
    }
    const made = await until(
      async () => (await fleet.facts(CopyRemade)).filter((fact) => fact.targetId === targetId),
      (facts) => facts.length === 2,
    )
    for (const data of made) {
      expect(data).toMatchObject({ objects: 4, from: ['filesystem'] })
      await catalog.apply({ subject: 'copy.remade', data })
    }
    for (const [key, bytes] of [...base.objects, ...child.objects])
      expect((await getBytes(target, key, signal)).equals(bytes), key).toBe(true)
    const { survey, findings } = await surveyTarget(target, catalog, { signal, nowMs: Date.now() + HOUR })
    expect(findings).toEqual([])
    expect(survey).toMatchObject({ backups: 2, missing: 0, damaged: 0, unknown: {} })
    // The store has a clock of its own, and tells it.
    expect(Math.round((survey.clockAheadMs ?? Number.NaN) / HOUR)).toBe(1)

    const cluster = { systemIdentifier: '7', segmentBytes: SEGMENT, from: '0/2000000' as never }
    const about = {
      sourceId: records,
      agentId: 'db1' as AgentId,
      targetId,
      targets: ['filesystem' as TargetId, targetId],
    }
    await fleet.bus.publish(WalRefillRequested, {
      ...about,
      ...cluster,
      reason: 'added later',
      requestedAt: moment(Date.now()),
    })
    // The first segment ends before the oldest base begins.
    const there = await until(
      () => listKeys(target, walPrefix(records), signal),
      (keys) => keys.length === 3,
    )
    expect(there.filter((key) => key !== clusterKey(records))).toEqual(wal.slice(1).map(([key]) => key))
    for (const [key, bytes] of wal.slice(1)) {
      expect((await getBytes(target, key, signal)).equals(bytes), key).toBe(true)
      // The store's own digest is what reading back goes by.
      const told = await target.stat(key, { signal })
      expect(told?.sha256 ?? told?.md5, key).toBeDefined()
      expect(await readWal(target, key, { signal })).toMatchObject({ found: 'whole', bytes: bytes.length })
    }
  },
)

test.each(CLOUDS)(
  'a %s target that lost a manifest, and holds other bytes than it was given, is found out and made whole',
  async (kind) => {
    await using place = await openPlace(['filesystem', kind])
    const { fleet, base, child, catalog, targets, deps } = place
    const targetId = kind as TargetId
    const target = targets[kind]
    const wrong = base.partKeys[0] as string
    await spoil(target, wrong)
    await target.remove([...child.objects.keys()].at(-1) as string, { signal })
    const { findings } = await surveyTarget(target, catalog, { signal, nowMs: Date.now() + HOUR })
    // A list sees what is gone. It cannot see what is wrong.
    expect(findings).toMatchObject([
      { backupId: child.backupId, found: 'missing', problem: 'its manifest is not there' },
    ])
    await (await fleet.bus.bucket(DEEP_READS_BUCKET)).put(kind, {
      ...{ targetId, at: moment(Date.now() - 24 * HOUR), creditBytes: 0 },
    })
    const lane = deps.lanes.find((one) => one.target.id === targetId)
    if (lane === undefined) throw new Error(`no lane for ${kind}`)
    await deepReads({ ...deps, deepRead: 1 }, lane, signal)
    const audited = (await fleet.facts(CopyAudited)).filter((fact) => fact.targetId === targetId)
    expect(audited.map(({ backupId, found }) => [backupId, found]).sort()).toEqual(
      [
        [base.backupId, 'damaged'],
        [child.backupId, 'missing'],
      ].sort(),
    )
    await until(
      async () => (await fleet.facts(CopyRemade)).filter((fact) => fact.targetId === targetId),
      (facts) => facts.length === 2,
    )
    for (const [key, bytes] of [...base.objects, ...child.objects])
      expect((await getBytes(target, key, signal)).equals(bytes), key).toBe(true)
  },
)

/** A prefix of its own in each store and a bus of its own; everything lies at these targets, the others are empty. */
async function openPlace(holders: readonly (typeof TARGET_KINDS)[number][]) {
  const stack = new AsyncDisposableStack()
  const fleet = stack.use(await startFleet())
  const prefix = crypto.randomUUID()
  const ctx = {
    log: silentLogger,
    resolveSecret: (ref: string) => new Secret(buckets.env[ref.replace('env:', '')] ?? ''),
  }
  const opened = await Promise.all(
    TARGET_KINDS.map(async (kind) => {
      const config = { ...buckets.configs[kind], prefix }
      return [kind, stack.use(await openTarget(kind as never, config, ctx))] as const
    }),
  )
  const targets = Object.fromEntries(opened) as Record<
    (typeof TARGET_KINDS)[number],
    Awaited<ReturnType<typeof openTarget>>
  >
  const deps = await fleet.uploader(Object.values(targets), { mayRemove: true })
  const base = smallCopy({ targets: [...holders], atMs: Date.now() - 2 * HOUR })
  const child = smallCopy({ targets: [...holders], atMs: Date.now() - HOUR, parent: base.backupId })
  const catalog = await KvCatalog.open(fleet.bus)
  const segments = [1n, 2n, 3n].map((no) => segmentAt(1, no * BigInt(SEGMENT), SEGMENT))
  const wal = segments.map((segment, no) => {
    const key = walKey(records, { kind: 'segment', segment, digest: String(no).padStart(16, '0') })
    return [key, Buffer.from(`WAL ${segment}`)] as const
  })
  const cluster = Buffer.from(JSON.stringify({ format: 1, systemIdentifier: '7' }))
  await putObjects(targets.filesystem, [[clusterKey(records), cluster], ...wal])
  // Where backups are, a put has left it; without it no look believes that anything is missing.
  for (const holder of holders) await putObjects(targets[holder], [[FLEET_KEY, MARKER]])
  for (const { objects, sealed, stored } of [base, child]) {
    await catalog.apply({ subject: 'backup.sealed', data: sealed })
    for (const holder of holders) {
      await putObjects(targets[holder], objects)
      await catalog.apply({ subject: 'copy.stored', data: stored(holder) })
    }
  }
  const owned = stack.move()
  return { fleet, targets, deps, base, child, catalog, wal, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
