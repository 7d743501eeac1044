import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import type { Anchor, WindowWithAnchors } from './objectives-window.ts'

/** Whether recovery can stop at a moment, and which backup it begins with; or why it cannot, with the nearest moments it can. */
export type Reach = { reachable: true; from: Anchor; window: WindowWithAnchors } | Unreachable

export interface Unreachable {
  reachable: false
  code: Extract<
    ErrorCode,
    | 'RECOVERY_IN_FUTURE'
    | 'RECOVERY_NO_BASE'
    | 'RECOVERY_BEFORE_WINDOW'
    | 'RECOVERY_INSIDE_BASE'
    | 'RECOVERY_IN_GAP'
    | 'RECOVERY_BEYOND_ARCHIVE'
  >
  facts: Record<string, string>
}

/**
 * Says beforehand whether a moment can be recovered by what is known to be off-site.
 *
 * @param newest leads to the end of the WAL, and may have ended behind all windows
 */
export function reachOf(atMs: number, windows: readonly WindowWithAnchors[], nowMs: number, newest?: Anchor): Reach {
  const time = moment(atMs)
  const refuse = (code: Unreachable['code'], facts: Record<string, string> = {}): Unreachable => ({
    reachable: false,
    code,
    facts: { time, ...facts },
  })
  if (atMs > nowMs) return refuse('RECOVERY_IN_FUTURE', { now: moment(nowMs) })
  const [first] = windows
  const last = windows.at(-1)
  if (first === undefined || last === undefined) return newest ? aroundBackup(newest) : refuse('RECOVERY_NO_BASE')
  const window = windows.find(({ from, to }) => Date.parse(from) <= atMs && atMs <= Date.parse(to))
  const from = window?.anchors.findLast(({ endMs }) => endMs <= atMs)
  if (window && from) return { reachable: true, from, window }
  if (atMs > Date.parse(last.to)) return refuse('RECOVERY_BEYOND_ARCHIVE', { latest: last.to })
  const inside = windows.flatMap(({ anchors }) => anchors).find(({ startMs, endMs }) => startMs <= atMs && atMs < endMs)
  const next = windows.find((later) => Date.parse(later.from) > atMs)
  if (inside) return refuse('RECOVERY_INSIDE_BASE', { base: inside.backupId, consistentFrom: moment(inside.endMs) })
  if (atMs < Date.parse(first.from)) return refuse('RECOVERY_BEFORE_WINDOW', { earliest: first.from })
  const before = windows.findLast((earlier) => Date.parse(earlier.to) < atMs)
  return refuse('RECOVERY_IN_GAP', {
    ...(before && { latestBefore: before.to }),
    ...(next && { earliestAfter: next.from }),
  })

  function aroundBackup({ backupId, startMs, endMs }: Anchor): Unreachable {
    if (atMs >= endMs) return refuse('RECOVERY_BEYOND_ARCHIVE', { latest: moment(endMs) })
    if (atMs >= startMs) return refuse('RECOVERY_INSIDE_BASE', { base: backupId, consistentFrom: moment(endMs) })
    return refuse('RECOVERY_BEFORE_WINDOW', { earliest: moment(endMs) })
  }
}
