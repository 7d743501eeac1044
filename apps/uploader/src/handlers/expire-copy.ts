import { markKey } from '@lifeboat/catalog/expiry/buckets.ts'
import type { Delivery, Entry, Handler } from '@lifeboat/shared/bus/bus.ts'
import {
  CopyExpired,
  type CopyExpiryRequested,
  CopyLocked,
  CopyMarked,
  CopyUnmarked,
} from '@lifeboat/shared/bus/messages/expiry.ts'
import { moment, type PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { tombstoneKey, undoneKey } from '@lifeboat/shared/domain/keys.ts'
import { type Mark, Tombstone } from '@lifeboat/shared/domain/retention.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { removeCopy } from '../expiry/remove-copy.ts'
import { putJson } from '../expiry/small-object.ts'
import { whyNotRemove } from '../expiry/why-not-remove.ts'
import { demandFleet } from '../fleet-marker.ts'

type Needs = Pick<
  UploaderDeps,
  'bus' | 'fleet' | 'markedTargets' | 'holds' | 'marks' | 'locked' | 'undeleteMs' | 'minAgeOf' | 'events' | 'clock'
>

/**
 * One step of letting go of one copy. A wish that comes twice, or after its step was taken, does nothing but tell again; a hold placed meanwhile wins
 * over `mark` and `remove` as long as nothing is removed yet.
 */
export function expireCopy(deps: Needs, lane: Lane): Handler<CopyExpiryRequested> {
  return (wish, delivery) =>
    lane.gate.through(delivery.signal, async () => {
      // In an empty folder where a disk should be mounted everything seems to be removed.
      await demandFleet(deps, lane.target, delivery.signal)
      const known = await deps.marks.find(wish)
      if (wish.step === 'unmark') return unmark(deps, lane, wish, known, delivery)
      if (known?.value.state !== 'removing' && (await isHeld(deps, wish)))
        return deps.events.copyHeld(delivery.log, aboutOf(wish))
      return wish.step === 'mark' ? mark(deps, lane, wish, known, delivery) : remove(deps, lane, wish, known, delivery)
    })
}

async function isHeld({ holds }: Needs, { sourceId, backupId }: CopyExpiryRequested): Promise<boolean> {
  for await (const { value } of holds.entries())
    if (value.sourceId === sourceId && value.released === undefined && (value.backupId ?? backupId) === backupId)
      return true
  return false
}

/** The tombstone lies at the target before anybody hears of it: the bucket is the truth. */
async function mark(
  deps: Needs,
  { target }: Lane,
  wish: CopyExpiryRequested,
  known: Entry<Mark> | undefined,
  { signal, log }: Delivery,
): Promise<void> {
  const state = known?.value.state
  if (state === 'removing' || state === 'removed') return
  // Marked already, perhaps by another plan: that one counts.
  const tombstone = Tombstone.parse(state === 'marked' ? known?.value : wish)
  await putJson(target, tombstoneKey(tombstone.sourceId, tombstone.backupId, tombstone.markId), tombstone, signal)
  if (state !== 'marked') await deps.marks.move(known, { ...tombstone, state: 'marked' })
  await deps.bus.publish(CopyMarked, tombstone)
  deps.events.copyMarked(log, { ...aboutOf(wish), removeAfter: tombstone.removeAfter })
}

async function unmark(
  deps: Needs,
  { target }: Lane,
  wish: CopyExpiryRequested,
  known: Entry<Mark> | undefined,
  { signal, log }: Delivery,
): Promise<void> {
  if (known === undefined || known.value.state === 'removed' || known.value.state === 'removing')
    return deps.events.undoTooLate(log, { ...aboutOf(wish), state: known?.value.state ?? 'unknown' })
  const undone = known.value.state === 'undone' ? known.value : { ...known.value, state: 'undone' as const }
  if (undone !== known.value) await deps.marks.move(known, undone)
  const { sourceId, backupId, targetId, markId } = undone
  const unmarked = { sourceId, backupId, targetId, markId, by: wish.by, unmarkedAt: moment(deps.clock.now()) }
  await putJson(target, undoneKey(sourceId, backupId, markId), { markId }, signal)
  await deps.bus.publish(CopyUnmarked, unmarked)
  deps.events.copyUnmarked(log, aboutOf(wish))
}

async function remove(
  deps: Needs,
  lane: Lane,
  wish: CopyExpiryRequested,
  known: Entry<Mark> | undefined,
  { signal, log }: Delivery,
): Promise<void> {
  if (lane.remover === undefined || known === undefined) return
  const { state, markId, removeAfter } = known.value
  if (state === 'undone' || markId !== wish.markId || Date.parse(removeAfter) > deps.clock.now()) return
  if (state === 'marked') {
    const { undeleteMs, holds, clock } = deps
    const minAgeOf = (policyId: PolicyId) => deps.minAgeOf(policyId, wish.targetId)
    const asked = { undeleteMs, minAgeOf, nowMs: clock.now(), holds, signal }
    const reason = await whyNotRemove(lane.target, known.value, asked)
    if (reason !== undefined) return deps.events.copyKept(log, { ...aboutOf(wish), reason })
  }
  const { sourceId, backupId, targetId } = wish
  const about = { sourceId, backupId, targetId, markId }
  const at = () => moment(deps.clock.now())
  const removing = state === 'marked' ? await deps.marks.move(known, { ...known.value, state: 'removing' }) : known
  try {
    const removed = await removeCopy(lane.remover, known.value, signal)
    if (state !== 'removed') await deps.marks.move(removing, { ...known.value, state: 'removed' })
    await deps.locked.delete(markKey(about))
    await deps.bus.publish(CopyExpired, { ...about, expiredAt: at(), ...removed })
    deps.events.copyExpired(log, { ...aboutOf(wish), ...removed })
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'TARGET_HELD')) throw thrown
    const whole = thrown.facts.whole === true
    if (whole) await deps.marks.move(removing, { ...known.value, state: 'marked' })
    const until = typeof thrown.facts.until === 'string' ? { until: moment(Date.parse(thrown.facts.until)) } : {}
    const error = reportOf(thrown)
    await deps.bus.publish(CopyLocked, { ...about, at: at(), ...until, error })
    await deps.locked.put(markKey(about), { sourceId, backupId, targetId, at: at(), ...until })
    deps.events.copyLocked(log, { ...aboutOf(wish), ...until })
  }
}

function aboutOf({ sourceId, backupId, targetId, markId, step }: CopyExpiryRequested) {
  return { sourceId, backupId, targetId, markId, step }
}
