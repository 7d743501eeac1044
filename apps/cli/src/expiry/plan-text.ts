import { type LockedCopy, markKey } from '@lifeboat/catalog/expiry/buckets.ts'
import type { ExpiryPlan } from '@lifeboat/catalog/expiry/plan.ts'
import type { Going } from '@lifeboat/catalog/expiry/planner.ts'
import type { CopyDecision, ExpiryDecision } from '@lifeboat/catalog/expiry/question.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import { indent, table } from '../format/table.ts'

/** What stores did not give up when they were last asked, by `markKey`. */
type Locked = ReadonlyMap<string, LockedCopy>

/** Every decision with its reasons, and what to type to carry it out. */
export function planText(plan: ExpiryPlan, source: string | undefined, locked: Locked, style: Style): string {
  const sources = plan.decisions
    .filter(({ copies }) => copies.length > 0)
    .map((one) => decisionText(one, locked, style))
  return [...sources, ...summary(plan, source, locked, style)].join('\n\n')
}

function decisionText({ sourceId, copies, wal, walKept }: ExpiryDecision, locked: Locked, style: Style): string {
  const rows = copies.map((copy) => [
    copy.targetId,
    copy.backupId,
    copy.do === 'keep' ? style.good('keep') : style.warn('let go'),
    formatBytes(copy.bytes),
    [...copy.reasons, ...lockText(lockOf({ sourceId, ...copy }, locked))].join('; '),
  ])
  const walLines = [
    ...wal.map(
      ({ targetId, before, anchor }) => `${targetId}: WAL before ${before} goes; recovery begins with ${anchor}`,
    ),
    ...walKept.map(({ targetId, reason }) => style.dim(`${targetId}: all WAL stays: ${reason}`)),
  ]
  return [
    style.bold(sourceId),
    indent(table(['target', 'backup', '', 'size', 'why'].map(style.dim), rows)),
    ...walLines.map((line) => indent(line)),
  ].join('\n')
}

function summary(
  { going, returning, wal, bytes, excess, digest }: ExpiryPlan,
  source: string | undefined,
  locked: Locked,
  style: Style,
): string[] {
  const fresh = going.filter(({ marked }) => !marked)
  const hidden = going.filter(({ marked }) => marked)
  const lines = [
    `${fresh.length} copies are to go, ${formatBytes(bytes)}; WAL of ${wal.length} archives`,
    ...(hidden.length > 0
      ? [`${hidden.length} are hidden already; the first is removed after ${timeText(firstOf(hidden))}`]
      : []),
    ...lockedLine(going, locked),
    ...(returning.length > 0 ? [`${returning.length} that were let go come back`] : []),
    ...excess.map((line) => style.bad(`${line}: apply it only with --even-so`)),
  ]
  // The digest is that of what was planned: of one source it is another one than of all.
  const of = source === undefined ? '' : ` --source ${source}`
  const next = fresh.length + wal.length > 0 ? [`lifeboat expiry apply --plan ${digest}${of}`] : []
  return [lines.join('\n'), ...next]
}

/** As the catalogue knows it, else as the store answered when removing was tried; undefined: nobody knows of a lock. */
function lockOf(copy: CopyDecision & { sourceId: SourceId }, locked: Locked): Pick<LockedCopy, 'until'> | undefined {
  const { lockedUntilMs } = copy
  return lockedUntilMs === undefined ? locked.get(markKey(copy)) : { until: moment(lockedUntilMs) }
}

function lockText(held: Pick<LockedCopy, 'until'> | undefined): string[] {
  if (held === undefined) return []
  return [held.until ? `the store holds it until ${timeText(held.until)}` : 'the store holds it and names no date']
}

function lockedLine(going: readonly Going[], locked: Locked): string[] {
  const held = going.flatMap((copy) => lockOf(copy, locked) ?? [])
  if (held.length === 0) return []
  const last = held
    .flatMap(({ until }) => until ?? [])
    .sort()
    .at(-1)
  return [
    `${held.length} of them ${held.length === 1 ? 'is locked by its' : 'are locked by their'} store${last ? `, the last until ${timeText(last)}` : ''}; each goes when its lock ends`,
  ]
}

function firstOf(hidden: readonly { removeAfter?: string | undefined }[]): string | undefined {
  return hidden.flatMap(({ removeAfter }) => removeAfter ?? []).sort()[0]
}

export function planJson(plan: ExpiryPlan, locked: Locked) {
  const { digest, bytes, excess, decisions, wal, going, returning } = plan
  const shown = (decided: CopyDecision & { sourceId: SourceId }) => {
    const held = lockOf(decided, locked)
    const { atMs, lockedUntilMs: _, ...copy } = decided
    return { ...copy, at: moment(atMs), ...(held && { locked: { until: held.until ?? null } }) }
  }
  return {
    ...{ digest, bytes, excess, letGo: going.filter(({ marked }) => !marked).length },
    hidden: going.filter(({ marked }) => marked).length,
    returning: returning.map(shown),
    wal: wal.map(({ anchorAtMs, ...one }) => ({ ...one, anchorAt: moment(anchorAtMs) })),
    sources: decisions.map(({ sourceId, copies, walKept }) => ({
      ...{ sourceId, walKept },
      copies: copies.map((copy) => shown({ ...copy, sourceId })),
    })),
  }
}
