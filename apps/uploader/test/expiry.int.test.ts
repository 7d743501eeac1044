import { HOLDS_BUCKET, LOCKED_BUCKET, MARKS_BUCKET, markKey } from '@lifeboat/catalog/expiry/buckets.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import {
  CopyExpired,
  CopyExpiryRequested,
  CopyLocked,
  CopyMarked,
  CopyUnmarked,
  HoldPlaced,
  HoldReleased,
} from '@lifeboat/shared/bus/messages/expiry.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { moment, newHoldId, newMarkId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { holdKey, type Key, manifestKey, releaseKey } from '@lifeboat/shared/domain/keys.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { type Fault, faulty } from '@lifeboat/storage/layers/faulty.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { expect, test } from 'vitest'
import type { UploaderDeps } from '../src/deps.ts'
import { putJson } from '../src/expiry/small-object.ts'
import { type SpooledBackup, spoolBackup } from './support/backup.ts'
import { startFleet } from './support/fleet.ts'

const HOUR = 3_600_000

test.concurrent('a copy that is let go is hidden first, comes back when undone, and is removed when its time has passed', async () => {
  await using at = await startPlace()
  await at.ask('mark', { removeAfterMs: HOUR })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  expect(at.keys()).toContain(`records/expired/${at.backup.sealed.backupId}/${marked?.markId}.json`)
  expect(at.keys()).toContain(at.manifest)
  await at.ask('remove', { markId: marked?.markId })
  await at.ask('unmark', { markId: marked?.markId })
  await at.fleet.whenFacts(CopyUnmarked, 1)
  expect(at.keys()).toEqual(expect.arrayContaining([...at.backup.copy.keys()]))

  await at.ask('mark', { removeAfterMs: -1 })
  const [, again] = await at.fleet.whenFacts(CopyMarked, 2)
  await at.ask('remove', { markId: again?.markId })
  const [expired] = await at.fleet.whenFacts(CopyExpired, 1)
  expect(expired).toMatchObject({ objects: at.backup.copy.size + 3 })
  expect(at.keys()).toEqual(['lifeboat.json'])
  // The manifest was the first to go.
  expect(at.removals()[0]).toContain('manifest.json')
})

test.concurrent('a hold that comes between plan and application wins, lies at the target, and so does its release', async () => {
  await using at = await startPlace()
  const { sourceId, backupId } = at.backup.sealed
  const hold: Hold = {
    holdId: newHoldId(Date.now()),
    sourceId,
    backupId,
    by: 'ada',
    why: 'audit',
    at: moment(Date.now()),
  }
  await (await at.fleet.bus.bucket(HOLDS_BUCKET)).put(hold.holdId, hold)
  await at.fleet.bus.publish(HoldPlaced, hold)
  await at.ask('mark', { removeAfterMs: -1 })
  await until(
    () => at.keys(),
    (keys) => keys.includes(holdKey(sourceId, hold.holdId)),
  )
  await at.allAnswered()
  const released = { ...hold, released: { by: 'ada', why: 'audit is over', at: moment(Date.now()) } }
  await (await at.fleet.bus.bucket(HOLDS_BUCKET)).put(hold.holdId, released)
  await at.fleet.bus.publish(HoldReleased, released)
  await until(
    () => at.keys(),
    (keys) => keys.includes(releaseKey(sourceId, hold.holdId)),
  )
  expect(await at.fleet.facts(CopyMarked)).toEqual([])
  await at.ask('mark', { removeAfterMs: -1 })
  await at.fleet.whenFacts(CopyMarked, 1)
})

test.concurrent('killed between manifest and parts, and done by two at once, it ends with nothing left and is told as one', async () => {
  await using at = await startPlace([
    { on: 'remove', key: /age\.0000/, times: 4, does: { fail: 'TARGET_UNREACHABLE' } },
  ])
  await at.fleet.uploader([at.target], { mayRemove: true })
  await at.ask('mark', { removeAfterMs: -1 })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  await Promise.all([at.ask('remove', { markId: marked?.markId }), at.ask('remove', { markId: marked?.markId })])
  await at.fleet.whenFacts(CopyExpired, 1)
  await until(
    () => at.keys(),
    (keys) => keys.length === 1,
  )
  await at.ask('unmark', { markId: marked?.markId })
  await at.ask('mark', { removeAfterMs: -1 })
  await at.allAnswered()
  expect(new Set((await at.fleet.facts(CopyExpired)).map(({ markId }) => markId)).size).toBe(1)
  expect(await at.fleet.facts(CopyUnmarked)).toEqual([])
})

test.concurrent('a copy under object lock stays whole, and it is told until when', async () => {
  await using at = await startPlace()
  at.s3.lock(at.manifest)
  await at.ask('mark', { removeAfterMs: -1 })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  await at.ask('remove', { markId: marked?.markId })
  const [locked] = await at.fleet.whenFacts(CopyLocked, 1)
  expect(Date.parse(locked?.until ?? '')).toBeGreaterThan(Date.now())
  // For the alerter, which tells of it for as long as it is so.
  const held = await at.fleet.bus.bucket(LOCKED_BUCKET)
  const key = markKey(locked as CopyLocked)
  await until(
    () => held.get(key),
    (entry) => entry?.value.until === locked?.until,
  )
  expect(at.keys()).toEqual(expect.arrayContaining([...at.backup.copy.keys()]))
  await at.ask('unmark', { markId: marked?.markId })
  await at.fleet.whenFacts(CopyUnmarked, 1)
})

test.concurrent('until when a copy is locked is told with the copy, before anybody tries to remove it', async () => {
  await using at = await startPlace([], { lock: { days: 30, mode: 'compliance' } })
  const [stored] = await at.fleet.facts(CopyStored)
  expect(Math.round((Date.parse(stored?.lockedUntil ?? '') - Date.now()) / 86_400_000)).toBe(30)
  await using bare = await startPlace()
  expect((await bare.fleet.facts(CopyStored))[0]).not.toHaveProperty('lockedUntil')
})

test.concurrent('a copy of which a lock holds one part is gone for good all the same, and is finished when the lock ends', async () => {
  await using at = await startPlace()
  const part = [...at.backup.copy.keys()].find((key) => /\.age\.\d{5}$/.test(key)) as string
  at.s3.lock(part)
  await at.ask('mark', { removeAfterMs: -1 })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  await at.ask('remove', { markId: marked?.markId })
  const [locked] = await at.fleet.whenFacts(CopyLocked, 1)
  expect(Date.parse(locked?.until ?? '')).toBeGreaterThan(Date.now())
  await at.allAnswered()
  expect(at.keys()).toContain(part)
  expect(at.keys()).not.toContain(at.manifest)
  const [key, held] = [markKey(locked as CopyLocked), await at.fleet.bus.bucket(LOCKED_BUCKET)]
  expect((await held.get(key))?.value.until).toBe(locked?.until)
  // Its manifest is removed: it cannot be brought back.
  await at.ask('unmark', { markId: marked?.markId })
  await at.allAnswered()
  expect((await (await at.fleet.bus.bucket(MARKS_BUCKET)).get(key))?.value.state).toBe('removing')
  at.s3.lock(part, Date.now() - 1000)
  await at.ask('remove', { markId: marked?.markId })
  await at.fleet.whenFacts(CopyExpired, 1)
  await at.allAnswered()
  expect(at.keys()).toEqual(['lifeboat.json'])
  expect(await held.get(key)).toBeUndefined()
  expect(await at.fleet.facts(CopyUnmarked)).toEqual([])
})

test.concurrent('whatever the bus says, nothing is removed before its tombstone has lain at the target for the undelete window', async () => {
  await using at = await startPlace([], { undeleteMs: HOUR })
  await at.ask('mark', { removeAfterMs: -1 })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  await at.ask('remove', { markId: marked?.markId })
  await at.allAnswered()
  expect(at.keys()).toEqual(expect.arrayContaining([...at.backup.copy.keys()]))
  expect(await at.fleet.facts(CopyExpired)).toEqual([])
  // Nobody hid it for real: the mark lies on the bus alone.
  const marks = await at.fleet.bus.bucket(MARKS_BUCKET)
  const key = markKey(marked as CopyMarked)
  const known = await marks.get(key)
  if (known === undefined) throw new Error('there is no mark')
  const forged = newMarkId(Date.now())
  await marks.put(key, { ...known.value, markId: forged, markedAt: moment(Date.now() - 10 * HOUR) })
  await at.ask('remove', { markId: forged })
  await at.allAnswered()
  expect(at.keys()).toEqual(expect.arrayContaining([...at.backup.copy.keys()]))
})

test.concurrent('whatever the bus says, nothing is removed that is younger than the rules of its policy have it here, nor of a policy without any', async () => {
  const ages: Record<string, number | undefined> = { daily: HOUR }
  await using at = await startPlace([], { minAgeOf: (policyId) => ages[policyId] })
  const whole = [...at.backup.copy.keys()]
  await at.ask('mark', { removeAfterMs: -1 })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  for (const minAge of [HOUR, undefined]) {
    ages.daily = minAge
    await at.ask('remove', { markId: marked?.markId })
    await at.allAnswered()
    expect(at.keys(), String(minAge)).toEqual(expect.arrayContaining(whole))
  }
  ages.daily = 0
  await at.ask('remove', { markId: marked?.markId })
  await at.fleet.whenFacts(CopyExpired, 1)
  expect(at.keys()).not.toContain(at.manifest)
})

test.concurrent('an uploader whose clock is ahead removes nothing before its time has come by the clock of the store', async () => {
  const opts = { undeleteMs: 20 * HOUR, minAgeOf: () => 0, clock: { now: () => Date.now() + 480 * HOUR } }
  await using at = await startPlace([], opts)
  await at.ask('mark', { removeAfterMs: -1 })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  await at.ask('remove', { markId: marked?.markId })
  await at.allAnswered()
  expect(at.keys()).toEqual(expect.arrayContaining([...at.backup.copy.keys()]))
  await using young = await startPlace([], { ...opts, undeleteMs: 0, minAgeOf: () => 20 * HOUR })
  await young.ask('mark', { removeAfterMs: -1 })
  const [hidden] = await young.fleet.whenFacts(CopyMarked, 1)
  await young.ask('remove', { markId: hidden?.markId })
  await young.allAnswered()
  expect(young.keys()).toEqual(expect.arrayContaining([...young.backup.copy.keys()]))
})

test.concurrent('a hold that lies at the target keeps a copy though the bus knows nothing of it, until its release lies there', async () => {
  await using at = await startPlace()
  const { sourceId } = at.backup.sealed
  const hold = { holdId: newHoldId(Date.now()), sourceId, by: 'ada', why: 'audit', at: moment(Date.now()) }
  const put = (key: Key, value: object) => putJson(at.target, key, value, new AbortController().signal)
  await put(holdKey(sourceId, hold.holdId), hold)
  await at.ask('mark', { removeAfterMs: -1 })
  const [marked] = await at.fleet.whenFacts(CopyMarked, 1)
  await at.ask('remove', { markId: marked?.markId })
  await at.allAnswered()
  expect(at.keys()).toEqual(expect.arrayContaining([...at.backup.copy.keys()]))
  const { holdId } = hold
  await put(releaseKey(sourceId, holdId), { holdId, by: 'ada', why: 'over', at: moment(Date.now()) })
  await at.ask('remove', { markId: marked?.markId })
  await at.fleet.whenFacts(CopyExpired, 1)
  expect(at.keys()).not.toContain(at.manifest)
})

async function startPlace(
  script: readonly Fault[] = [],
  { lock, ...opts }: Partial<Pick<UploaderDeps, 'undeleteMs' | 'minAgeOf' | 'clock'>> & { lock?: object } = {},
) {
  const stack = new AsyncDisposableStack()
  const fleet = stack.use(await startFleet())
  const s3 = stack.use(await startS3Server())
  const config = TargetConfig.parse({
    ...{ kind: 's3', bucket: s3.bucket, region: s3.region, endpoint: s3.endpoint, forcePathStyle: true },
    ...{ accessKeyId: 'env:ID', secretAccessKey: 'env:KEY', ...(lock && { lock }) },
  })
  const secrets = { 'env:ID': s3.credentials.accessKeyId, 'env:KEY': s3.credentials.secretAccessKey }
  const resolveSecret = (ref: string) => new Secret(secrets[ref as 'env:ID'])
  const bare = stack.use(await openTarget('aws' as TargetId, config, { resolveSecret, log: silentLogger }))
  const target = faulty(bare, script)
  await fleet.uploader([target], { mayRemove: true, ...opts })
  const backup: SpooledBackup = await spoolBackup(fleet.spool, { targets: ['aws'] })
  await fleet.announce(backup)
  await fleet.whenFacts(CopyStored, 1)
  const { sourceId, backupId } = backup.sealed
  return {
    ...{ fleet, s3, target, backup },
    manifest: manifestKey(sourceId, backupId),
    keys: () => s3.objects().map(({ key }) => key),
    removals: () => s3.seen.filter((request) => request.startsWith('DELETE')),
    async ask(step: 'mark' | 'unmark' | 'remove', { removeAfterMs = 0, markId = newMarkId(Date.now()) }) {
      const nowMs = Date.now()
      const mark = { markId, sourceId, backupId, targetId: 'aws' as TargetId, by: 'ada', reasons: ['no rule keeps it'] }
      const times = { markedAt: moment(nowMs), removeAfter: moment(nowMs + removeAfterMs) }
      await fleet.bus.publish(CopyExpiryRequested, { ...mark, ...times, step, requestedAt: moment(nowMs + asked++) })
    },
    /** Every wish was carried out or turned down. */
    allAnswered: () =>
      until(
        () => Array.fromAsync(fleet.bus.waiting(CopyExpiryRequested)),
        (waiting) => waiting.length === 0,
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Two wishes of one moment are two wishes. */
let asked = 0
