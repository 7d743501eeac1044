import { LOCKED_BUCKET, markKey } from '@lifeboat/catalog/expiry/buckets.ts'
import {
  CopyExpired,
  CopyExpiryRequested,
  CopyLocked,
  CopyMarked,
  CopyUnmarked,
} from '@lifeboat/shared/bus/messages/expiry.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { type MarkId, moment, newMarkId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY, type Key, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { listKeys } from '@lifeboat/storage/conformance/target-case.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { openTarget, TARGET_KINDS } from '@lifeboat/storage/open-target.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { type Buckets, startBuckets } from '@lifeboat/testkit/buckets.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { putObjects, smallCopy } from '@lifeboat/testkit/small-copy.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFleet } from './support/fleet.ts'
import { MARKER } from './support/wal-place.ts'

const signal = new AbortController().signal
const [HOUR, DAY] = [3_600_000, 86_400_000]

type Kind = (typeof TARGET_KINDS)[number]
/** Servers that refuse as the real ones do; the emulator of Azure knows no immutability, and a folder has no locks. */
const LOCKING: readonly Kind[] = ['s3', 'gcs']

let buckets: Buckets
beforeAll(async () => {
  buckets = await startBuckets()
})
afterAll(() => buckets?.[Symbol.asyncDispose]())

test.each(TARGET_KINDS)(
  'a copy at a %s target is hidden, comes back whole, and is removed for good, the manifest first and nothing else with it',
  async (kind) => {
    await using at = await openPlace(kind)
    const whole = await at.keys()
    const first = await at.mark()
    expect(await at.keys()).toEqual([...whole, `records/expired/${at.backupId}/${first}.json`].sort())
    await at.ask('unmark', first)
    await at.fleet.whenFacts(CopyUnmarked, 1)
    await at.ask('remove', first)
    await at.allAnswered()
    expect(await at.keys()).toEqual(expect.arrayContaining(whole))

    const second = await at.mark(2)
    // Two wishes at once, as of two schedulers.
    await Promise.all([at.ask('remove', second), at.ask('remove', second)])
    const [expired] = await at.fleet.whenFacts(CopyExpired, 1)
    await at.allAnswered()
    expect(expired).toMatchObject({ targetId: kind, objects: at.objects + 3 })
    expect(await at.keys()).toEqual([FLEET_KEY, ...at.ofOther].sort())
    expect(at.removed[0]).toBe(at.manifest)
  },
)

test.each(LOCKING)('a locked copy at a %s target stays whole, and it is told until when', async (kind) => {
  await using at = await openPlace(kind, { days: 3, mode: 'compliance' })
  const whole = await at.keys()
  await at.ask('remove', await at.mark())
  const [locked] = await at.fleet.whenFacts(CopyLocked, 1)
  const leftMs = Date.parse(locked?.until ?? '') - Date.now()
  expect(leftMs).toBeGreaterThan(2 * DAY)
  expect(leftMs).toBeLessThan(4 * DAY)
  await at.allAnswered()
  expect(await at.keys()).toEqual(expect.arrayContaining(whole))
  const held = await (await at.fleet.bus.bucket(LOCKED_BUCKET)).get(markKey(locked as CopyLocked))
  expect(held?.value.until).toBe(locked?.until)
  expect(await at.fleet.facts(CopyExpired)).toEqual([])
})

/** A prefix of its own in the store: the marker, a copy that is asked for, and one that nobody asks for. */
async function openPlace(kind: Kind, lock?: { days: number; mode: 'compliance' }) {
  const stack = new AsyncDisposableStack()
  const fleet = stack.use(await startFleet())
  const resolveSecret = (ref: string) => new Secret(buckets.env[ref.replace('env:', '')] ?? '')
  const config = TargetConfig.parse({ ...buckets.yaml[kind], prefix: crypto.randomUUID(), ...(lock && { lock }) })
  const bare = stack.use(await openTarget(kind as TargetId, config, { log: silentLogger, resolveSecret }))
  const removed: Key[] = []
  const target = wrap(bare, {
    remove(key, opts) {
      removed.push(key)
      return bare.remove(key, opts)
    },
  })
  await fleet.uploader([target], { mayRemove: true })
  const [copy, other] = [smallCopy({ targets: [kind] }), smallCopy({ targets: [kind], atMs: Date.now() - HOUR })]
  const { sourceId, backupId } = copy.sealed
  await putObjects(target, [[FLEET_KEY, MARKER], ...copy.objects, ...other.objects])
  let asked = 0
  const ask = (step: CopyExpiryRequested['step'], markId: MarkId) => {
    const about = { markId, sourceId, backupId, targetId: kind as TargetId, by: 'ada', reasons: ['no rule keeps it'] }
    const times = { markedAt: moment(Date.now()), removeAfter: moment(Date.now() - 1) }
    const requestedAt = moment(Date.now() + asked++)
    return fleet.bus.publish(CopyExpiryRequested, { ...about, ...times, step, requestedAt })
  }
  const owned = stack.move()
  return {
    ...{ fleet, backupId, removed, ask, objects: copy.objects.size, ofOther: [...other.objects.keys()] },
    manifest: manifestKey(sourceId, backupId),
    keys: async () => (await listKeys(target, '' as Key, signal)).sort(),
    /** Hides it, for the `count`th time. */
    async mark(count = 1): Promise<MarkId> {
      const markId = newMarkId(Date.now())
      await ask('mark', markId)
      await fleet.whenFacts(CopyMarked, count)
      return markId
    },
    /** Every wish was carried out or turned down. */
    allAnswered: () =>
      until(
        () => Array.fromAsync(fleet.bus.waiting(CopyExpiryRequested)),
        (waiting) => waiting.length === 0,
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
