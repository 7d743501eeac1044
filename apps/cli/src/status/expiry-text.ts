import type { ExpiryOutcome } from '@lifeboat/shared/domain/retention.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { sinceText, timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import type { ExpiryStatus } from './status.ts'

/** When backups were let go last, and how many or why none, and when it is due next. */
export function expiryText(expiry: ExpiryStatus | undefined, nowMs: number, style: Style): string {
  if (expiry === undefined) return ''
  const { last, dueAt, nextAt } = expiry
  const parts = [
    last ? `last ${timeText(last.at)}, ${sinceText(last.at, nowMs)}: ${outcomeText(last)}` : 'was never due yet',
    ...(dueAt ? [style.warn(`due since ${timeText(dueAt)} and not settled yet`)] : []),
    ...(nextAt ? [`next ${timeText(nextAt)}`] : []),
  ]
  return `${style.bold('Letting go')}  ${parts.join('; ')}`
}

function outcomeText({ did, going, bytes, wal, refused, doubts }: ExpiryOutcome): string {
  const much = `${going} ${going === 1 ? 'copy' : 'copies'}, ${formatBytes(bytes)}, WAL of ${wal} archives`
  if (refused.length > 0) return `refused: ${refused.join('; ')}`
  const unsure = doubts.length > 0 ? `; not sure enough: ${fewOf(doubts)}` : ''
  if (going + wal === 0) return `nothing was to go${unsure}`
  return `${did === 'planned' ? `only planned: ${much} may go, \`lifeboat expiry plan\`` : `${much} let go`}${unsure}`
}

const FEW = 3

function fewOf(doubts: readonly string[]): string {
  const more = doubts.length - FEW
  return [...doubts.slice(0, FEW), ...(more > 0 ? [`${more} more`] : [])].join('; ')
}
