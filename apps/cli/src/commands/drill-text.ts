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
  Partial<Pick<DrillFinished, 'durationMs' | 'recoveryMs' | 'wal' | 'hints' | 'phases'>>

/** The worse of both: a copy that is proven beside WAL that is not is something to look at. */
export function exitOfDrill({ verdict, wal }: Pick<DrillFinished, 'verdict' | 'wal'>): ExitName {
  return exitOfVerdict(verdict === 'proven' && wal ? wal.verdict : verdict)
}

export function drillText(drill: ToldDrill, style: Style): string {
  const {
    drillId,
    verdict,
    backupId,
    targetId,
    finishedAt,
    durationMs,
    recoveryMs,
    reasons,
    wal,
    hints = [],
    phases = {},
  } = drill
  const paintOf = { proven: style.good, failed: style.bad, inconclusive: style.warn }
  const took = durationMs === undefined ? '' : `, took ${formatDuration(durationMs)}`
  const recovered = recoveryMs === undefined ? '' : `, data back after ${formatDuration(recoveryMs)}`
  const head = `${paintOf[verdict](verdict)}  ${style.bold(drillId)}  ${backupId} at ${targetId}, ${timeText(finishedAt)}${took}${recovered}`
  const behind = wal ? [`  ${paintOf[wal.verdict](WAL_WORDS[wal.verdict])}${placeText(wal)}`] : []
  const all = [...reasons, ...(wal?.reasons ?? [])]
  return [
    ...[head, ...behind],
    ...all.map((reason) => `  - ${reason}`),
    ...hints.map((hint) => `  ${style.bold('what to do:')} ${hint}`),
    ...phasesText(phases),
  ].join('\n')
}

function phasesText(phases: NonNullable<ToldDrill['phases']>): string[] {
  const each = Object.entries(phases).map(([phase, ms]) => `${phase} ${(ms / 1000).toFixed(1)} s`)
  return each.length === 0 ? [] : [`  phases: ${each.join(', ')}`]
}

function exitOfVerdict(verdict: Verdict): ExitName {
  return { proven: 'ok', failed: 'failed', inconclusive: 'inconclusive' }[verdict] as ExitName
}

const WAL_WORDS = {
  proven: 'its WAL was replayed to the goal',
  failed: 'the WAL behind it is broken; the copy was judged by its own end',
  inconclusive: 'the WAL behind it was not replayed to the goal; the copy was judged by its own end',
}

function placeText({ segment, reached }: NonNullable<DrillFinished['wal']>): string {
  const at = segment === undefined ? '' : `, at ${segment}`
  return `${at}${reached === undefined ? '' : `, up to ${reached}`}`
}
