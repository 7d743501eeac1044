import { formatLsn, parseLsn, rangeOf, timelineOf, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { order } from '@lifeboat/shared/domain/wal-spans.ts'
import type { Item, Shelf } from './decide.ts'
import type { ExpiryQuestion, WalDecision } from './question.ts'

/**
 * The backup recovery to the oldest moment of the window begins with: the newest proven physical one that ended before the window, its whole chain at the
 * target; while there is none, the oldest there is.
 */
export function windowAnchor({ walWindowMs, nowMs }: ExpiryQuestion, shelf: Shelf): Item | undefined {
  if (walWindowMs === undefined) return undefined
  const usable = startsOf(shelf)
  return usable.find(({ backup }) => backup.atMs <= nowMs - walWindowMs) ?? usable.at(-1)
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
  const anchor = windowAnchor(question, shelf)?.backup
  if (anchor?.wal === undefined) return { reason: 'no proven base leads into it' }
  if (anchor.atMs > question.nowMs - question.walWindowMs) return { reason: 'no proven base is older than the window' }
  // After a recovery the log went on from an earlier place: a newer base may begin before an older one.
  const starts = shelf.items.flatMap(({ backup: { atMs, wal } }) =>
    wal && atMs >= anchor.atMs ? [parseLsn(wal.startLsn)] : [],
  )
  const [before = parseLsn(anchor.wal.startLsn)] = starts.sort(order)
  const { backupId, wal } = anchor
  return { targetId: shelf.targetId, anchor: backupId, timeline: wal.timeline, before: formatLsn(before) }
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
