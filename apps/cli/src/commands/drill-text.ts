import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { Verdict } from '@lifeboat/shared/domain/drill.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { ExitName } from '../exit-codes.ts'
import { timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'

/** What is told of a drill in a few lines, from the fact or from the catalogue. */
export type ToldDrill = Pick<
  DrillFinished,
  'drillId' | 'verdict' | 'reasons' | 'finishedAt' | 'backupId' | 'targetId'
> &
  Partial<Pick<DrillFinished, 'durationMs' | 'recoveryMs'>>

export function drillText(drill: ToldDrill, style: Style): string {
  const { drillId, verdict, backupId, targetId, finishedAt, durationMs, recoveryMs, reasons } = drill
  const paint = { proven: style.good, failed: style.bad, inconclusive: style.warn }[verdict]
  const took = durationMs === undefined ? '' : `, took ${formatDuration(durationMs)}`
  const recovered = recoveryMs === undefined ? '' : `, data back after ${formatDuration(recoveryMs)}`
  const head = `${paint(verdict)}  ${style.bold(drillId)}  ${backupId} at ${targetId}, ${timeText(finishedAt)}${took}${recovered}`
  return [head, ...reasons.map((reason) => `  - ${reason}`)].join('\n')
}

export function exitOfVerdict(verdict: Verdict): ExitName {
  return { proven: 'ok', failed: 'failed', inconclusive: 'inconclusive' }[verdict] as ExitName
}
