import { isOnPath, type Path } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, parseLsn, rangeOf, timelineOf, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { order } from '@lifeboat/shared/domain/wal-spans.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Item, Shelf } from './decide.ts'
import type { ExpiryQuestion, WalDecision } from './question.ts'

/**
 * The backups recovery to the oldest moment of the window begins with: the newest proven physical one that ended before the window, its whole chain at the
 * target; while there is none, the oldest there is. Once on the way of the present timeline, and once of all, for the window may reach into a branch that was
 * left. While the way is not known, any may lie on it.
 */
export function windowAnchors(question: ExpiryQuestion, shelf: Shelf): { item: Item; reason: string }[] {
  const { walWindowMs, walPath } = question
  if (walWindowMs === undefined) return []
  const starts = startsOf(shelf)
  if (walPath === undefined)
    return starts.map((item) => ({ item, reason: `${WAY_UNKNOWN}, and recovery may begin with it` }))
  const [onWay, newest] = [anchorAmong(onTheWay(starts, walPath), question), anchorAmong(starts, question)]
  const window = `recovery to any moment of the last ${formatDuration(walWindowMs)}`
  return [
    ...(onWay ? [{ item: onWay, reason: `${window} begins with it` }] : []),
    ...(newest && newest !== onWay
      ? [{ item: newest, reason: `${window} on a branch that was left begins with it` }]
      : []),
  ]
}

const WAY_UNKNOWN = 'it is not known which way its timeline came'

function anchorAmong(starts: readonly Item[], question: ExpiryQuestion): Item | undefined {
  return starts.find(({ backup }) => isBeforeWindow(backup, question)) ?? starts.at(-1)
}

function isBeforeWindow({ atMs }: Item['backup'], { nowMs, walWindowMs = 0 }: ExpiryQuestion): boolean {
  return atMs <= nowMs - walWindowMs
}

function onTheWay(starts: readonly Item[], path: Path): Item[] {
  return starts.filter(({ backup: { wal } }) => wal && isOnPath(path, wal.timeline, parseLsn(wal.endLsn)))
}

/** Newest first. */
function startsOf({ items }: Shelf): Item[] {
  const byId = new Map(items.map((item) => [item.backup.backupId, item]))
  const whole = (item: Item, depth = 0): boolean =>
    depth < items.length + 1 &&
    item.backup.needs.every((id) => {
      const parent = byId.get(id)
      return parent !== undefined && parent.copy.state === 'there' && whole(parent, depth + 1)
    })
  return items.filter((item) => item.backup.wal !== undefined && item.countable && whole(item))
}

/** A base outside the window stands alone: its own WAL is inside it. */
export function walDecision(question: ExpiryQuestion, shelf: Shelf): WalDecision | { reason: string } {
  if (question.walWindowMs === undefined) return { reason: 'no window is set: all WAL stays' }
  const held = question.holds.find(({ backupId }) => backupId === undefined)
  if (held) return { reason: `held by ${held.by}: ${held.why}` }
  if (question.walPath === undefined) return { reason: WAY_UNKNOWN }
  const starts = startsOf(shelf)
  const newest = anchorAmong(starts, question)?.backup
  if (newest?.wal === undefined) return { reason: 'no proven base leads into it' }
  if (!isBeforeWindow(newest, question)) return { reason: 'no proven base is older than the window' }
  const anchor = anchorAmong(onTheWay(starts, question.walPath), question)?.backup
  if (anchor?.wal === undefined || !isBeforeWindow(anchor, question))
    return {
      reason: `no proven base on the way of timeline ${question.walPath.at(-1)?.timeline} is older than the window`,
    }
  return {
    targetId: shelf.targetId,
    anchor: anchor.backupId,
    // A newer base on a branch that was left leads into the window there.
    timeline: Math.min(anchor.wal.timeline, newest.wal.timeline),
    before: formatLsn(firstStart(shelf, anchor)),
  }
}

/** After a recovery the log went on from an earlier place: a newer base may begin before an older one. */
function firstStart({ items }: Shelf, anchor: Item['backup']): bigint {
  const starts = items.flatMap(({ backup: { atMs, wal } }) =>
    wal && atMs >= anchor.atMs ? [parseLsn(wal.startLsn)] : [],
  )
  return starts.sort(order)[0] as bigint
}

/** What of one target's WAL goes by a decision: what ends before the window, and pieces of segments that are there whole. History files stay. */
export function walToLetGo<T extends { object: WalObject }>(
  listed: readonly T[],
  decision: Pick<WalDecision, 'timeline' | 'before'>,
  segmentBytes: number,
): T[] {
  const segments = new Set(listed.flatMap(({ object }) => (object.kind === 'segment' ? [object.segment] : [])))
  return listed.filter(({ object }) => {
    if (object.kind === 'piece' && segments.has(object.segment)) return true
    return endsBefore(object, decision, segmentBytes)
  })
}

/** Whether an object holds only WAL from before the window. A history file never does. */
export function endsBefore(
  object: WalObject,
  { timeline, before }: Pick<WalDecision, 'timeline' | 'before'>,
  segmentBytes: number,
): boolean {
  const range = rangeOf(object, segmentBytes)
  return range !== undefined && timelineOf(object) <= timeline && range.end <= parseLsn(before)
}
