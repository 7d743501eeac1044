import type { BackupKind, Moment } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY, type Key, kindOfPart } from '@lifeboat/shared/domain/keys.ts'
import { isInfrequent, isOffline } from '@lifeboat/storage/classes.ts'
import { LEAST_MOVED_BYTES } from '@lifeboat/storage/move-mark.ts'
import type { Receipt } from '@lifeboat/storage/target.ts'
import type { TransitionConfig } from '@lifeboat/storage/target-config.ts'
import type { MoveMarks } from './buckets.ts'

const DAY_MS = 86_400_000
/** Stores run their rules once a day, and large buckets take longer. */
const SLACK_MS = 5 * DAY_MS
/** Uploaders begin to mark one after the other, when each is started anew. */
const MARGIN_MS = DAY_MS

/**
 * `offline`: it cannot be read before it is thawed · `misplaced`: it lies in a class that bills age and size, and no part does · `moved`, `late`: a part that should have moved by
 * now did, or did not. undefined: nothing to say of it.
 */
export type ClassJudgement = 'offline' | 'misplaced' | 'moved' | 'late' | undefined

/** What the class of one listed object says. What is not ours is not judged, nor is a part of which nobody knows that it was marked. */
export function judgeClass(
  { key, bytes, storageClass, storedAt }: Receipt,
  { to, marks, nowMs }: { to: TransitionConfig['class'] | undefined; marks: MoveMarks; nowMs: number },
): ClassJudgement {
  if (storageClass === undefined || !isOurs(key)) return undefined
  if (isOffline(storageClass)) return 'offline'
  const kind = kindOfPart(key)
  if (kind === undefined) return isInfrequent(storageClass) ? 'misplaced' : undefined
  const mark = marks[kind]
  const storedMs = Date.parse(storedAt ?? '')
  if (to === undefined || mark === undefined || bytes < LEAST_MOVED_BYTES) return undefined
  if (!(storedMs >= Date.parse(mark.since) + MARGIN_MS)) return undefined
  if (isInfrequent(storageClass) || storageClass.toUpperCase() === to.toUpperCase()) return 'moved'
  return nowMs - storedMs > mark.days * DAY_MS + SLACK_MS ? 'late' : undefined
}

/** Since when parts of each kind are marked with these days; `at` for those that are new. */
export function moveMarks(transition: TransitionConfig | undefined, before: MoveMarks, at: Moment): MoveMarks {
  const named = Object.entries(transition?.days ?? {}) as [BackupKind, number][]
  return Object.fromEntries(
    named.map(([kind, days]) => [kind, before[kind]?.days === days ? before[kind] : { days, since: at }]),
  )
}

/** The layout of a target, so that what others keep beside it, and what checks leave, is left out. */
function isOurs(key: Key): boolean {
  return key === FLEET_KEY || /^[^/]+\/(?:(?:backups|wal|drills|holds|expired)\/|cluster\.json$)/.test(key)
}
