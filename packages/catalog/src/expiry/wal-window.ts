import { isOnPath, type Path } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, isLetGo, parseLsn, rangeOf, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { order } from '@lifeboat/shared/domain/wal-spans.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Item, Shelf } from './decide.ts'
import type { ExpiryQuestion, WalDecision } from './question.ts'

/** Where recovery at one target may begin. */
export interface Beginnings {
  /** All backups it may begin with, newest first. */
  starts: readonly Item[]
  /** What it begins with on the way of the present timeline, for the oldest moment of the window; while the way is not known, any may lie on it. */
  onWay: Beginning | undefined
  /** The same of all, for the window may reach into a branch that was left. */
  newest: Beginning | undefined
}

interface Beginning {
  item: Item
  /** Else it is the oldest there is, and the window is shorter still. */
  isBeforeWindow: boolean
}

/** The newest proven physical backup that ended before the window, its whole chain at the target; while there is none, the oldest there is. */
export function beginnings({ walWindowMs, walPath, nowMs }: ExpiryQuestion, shelf: Shelf): Beginnings {
  if (walWindowMs === undefined) return { starts: [], onWay: undefined, newest: undefined }
  const among = (starts: readonly Item[]): Beginning | undefined => {
    const before = starts.find(({ backup }) => backup.atMs <= nowMs - walWindowMs)
    const item = before ?? starts.at(-1)
    return item && { item, isBeforeWindow: item === before }
  }
  const starts = startsOf(shelf)
  const newest = among(starts)
  return { starts, newest, onWay: walPath === undefined ? newest : among(onTheWay(starts, walPath)) }
}

/** The backups that stay since the window begins with them, or may. */
export function windowAnchors(
  { walWindowMs, walPath, whileWayUnknown = 'keep-all' }: ExpiryQuestion,
  { starts, onWay, newest }: Beginnings,
): { item: Item; reason: string }[] {
  if (walWindowMs === undefined) return []
  if (walPath === undefined && whileWayUnknown === 'keep-all')
    return starts.map((item) => ({ item, reason: `${WAY_UNKNOWN}, and recovery may begin with it` }))
  const window = `recovery to any moment of the last ${formatDuration(walWindowMs)}`
  return [
    ...(onWay ? [{ item: onWay.item, reason: `${window} begins with it` }] : []),
    ...(newest && newest.item !== onWay?.item
      ? [{ item: newest.item, reason: `${window} on a branch that was left begins with it` }]
      : []),
  ]
}

const WAY_UNKNOWN = 'it is not known which way its timeline came'

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
export function walDecision(
  { walWindowMs, walPath, holds }: ExpiryQuestion,
  shelf: Shelf,
  { onWay, newest }: Beginnings,
): WalDecision | { reason: string } {
  if (walWindowMs === undefined) return { reason: 'no window is set' }
  const held = holds.find(({ backupId }) => backupId === undefined)
  if (held) return { reason: `held by ${held.by}: ${held.why}` }
  if (walPath === undefined) return { reason: WAY_UNKNOWN }
  if (newest?.item.backup.wal === undefined) return { reason: 'no proven base leads into it' }
  if (!newest.isBeforeWindow) return { reason: 'no proven base is older than the window' }
  if (onWay?.item.backup.wal === undefined || !onWay.isBeforeWindow)
    return { reason: `no proven base on the way of timeline ${walPath.at(-1)?.timeline} is older than the window` }
  const anchor = onWay.item.backup
  return {
    targetId: shelf.targetId,
    anchor: anchor.backupId,
    // A newer base on a branch that was left leads into the window there.
    timeline: Math.min(onWay.item.backup.wal.timeline, newest.item.backup.wal.timeline),
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
  decision: (Pick<WalDecision, 'timeline' | 'before'> & { segmentBytes: number }) | undefined,
): T[] {
  const segments = new Set(listed.flatMap(({ object }) => (object.kind === 'segment' ? [object.segment] : [])))
  return listed.filter(({ object }) => {
    if (object.kind === 'piece' && segments.has(object.segment)) return true
    return decision !== undefined && endsBefore(object, decision, decision.segmentBytes)
  })
}

/** Whether an object holds only WAL from before the window. A history file never does. */
export function endsBefore(
  object: WalObject,
  { timeline, before }: Pick<WalDecision, 'timeline' | 'before'>,
  segmentBytes: number,
): boolean {
  const range = rangeOf(object, segmentBytes)
  return range !== undefined && isLetGo({ timeline, lsn: before }, range)
}
