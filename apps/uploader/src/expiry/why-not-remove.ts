import { tombstoneKey, undoneKey } from '@lifeboat/shared/domain/keys.ts'
import type { Mark } from '@lifeboat/shared/domain/retention.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { type HoldsKnown, holdsAt } from './holds-at.ts'
import { type MinAgeOf, whyTooYoung } from './why-too-young.ts'

/** Between the clock of a store and that of this host. */
const SKEW_MS = 10 * 60_000

type Asked = Pick<Mark, 'sourceId' | 'backupId' | 'markId' | 'markedAt'>

/**
 * Why the bytes of a copy stay although their removal was asked for, by what lies at the target itself: a wish is not signed, and whoever may write to the bus can write
 * there that a copy was hidden for long, that nothing holds it, or that it is old.
 *
 * @param opts.undeleteMs and `minAgeOf`: as this process has it configured, not as the wish says
 */
export async function whyNotRemove(
  target: Target,
  { sourceId, backupId, markId, markedAt }: Asked,
  opts: { undeleteMs: number; minAgeOf: MinAgeOf; nowMs: number; holds: HoldsKnown; signal: AbortSignal },
): Promise<string | undefined> {
  const tombstone = await target.stat(tombstoneKey(sourceId, backupId, markId), opts)
  if (tombstone === undefined) return 'no tombstone hides it'
  if ((await target.stat(undoneKey(sourceId, backupId, markId), opts)) !== undefined) return 'it was brought back'
  const nowMs = soberNow(opts.nowMs, tombstone.answeredAt)
  const hiddenMs = nowMs - Date.parse(tombstone.storedAt ?? markedAt)
  if (hiddenMs + SKEW_MS < opts.undeleteMs)
    return `its tombstone is ${formatDuration(Math.max(0, hiddenMs))} old, and expiry.undelete is ${formatDuration(opts.undeleteMs)}`
  const hold = (await holdsAt(target, sourceId, opts)).find((one) => (one.backupId ?? backupId) === backupId)
  return hold ? `held by ${hold.by}: ${hold.why}` : whyTooYoung(target, { sourceId, backupId }, { ...opts, nowMs })
}

/** A clock here that is ahead of that of the store makes nothing old. */
function soberNow(nowMs: number, answeredAt: string | undefined): number {
  const toldMs = Date.parse(answeredAt ?? '')
  return nowMs - toldMs > SKEW_MS ? toldMs : nowMs
}
