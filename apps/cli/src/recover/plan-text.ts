import type { BarePlan, PlannedBackup } from '@lifeboat/recovery/bare/bare-plan.ts'
import type { TreePlan } from '@lifeboat/recovery/bare/plan-files.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { errorText } from '../format/error-text.ts'
import { timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'

/** The plan for a person who is to say yes to it. */
export function planText(plan: BarePlan | TreePlan, checked: boolean, style: Style): string {
  const lines: [string, string][] = [
    ['what', whatText(plan)],
    ...plan.backups.map((backup, no): [string, string] => [no === 0 ? 'out of' : '  then', backupText(backup, style)]),
    ['signatures', checked ? 'checked' : style.warn('not checked (no --signer)')],
    ...(plan.kind === 'files' ? [] : serverText(plan)),
    ['to fetch', formatBytes(plan.fetchBytes)],
    ...(plan.disk ? [['disk', diskText(plan.disk)] as [string, string]] : []),
    ...(plan.drillMs === undefined
      ? []
      : [['took', `${formatDuration(plan.drillMs)} in its drill`] as [string, string]]),
    ['lost', plan.loss.sentence],
    ...plan.notes.map((note): [string, string] => ['note', note]),
  ]
  const obstacles = plan.obstacles.map((obstacle) => errorText(obstacle, style))
  return [...lines.map(([name, text]) => `${name.padEnd(11)} ${text}`), ...obstacles].join('\n')
}

function whatText(plan: BarePlan | TreePlan): string {
  if (plan.kind === 'files') return `files of ${plan.sourceId}, which lay below ${plan.root}`
  return plan.kind === 'dump' ? `database ${plan.server.database} of ${plan.sourceId}` : `cluster of ${plan.sourceId}`
}

function serverText({ goal, wal, server }: BarePlan): [string, string][] {
  return [
    ...(goal === undefined ? [] : [['to', goal] as [string, string]]),
    ...(wal ? [['WAL', walText(wal)] as [string, string]] : []),
    ['PostgreSQL', `${server.major} (the source ran ${server.version})`],
  ]
}

function backupText({ backupId, snapshotAt, bytes, signer, drill }: PlannedBackup, style: Style): string {
  const verdict = !drill
    ? style.warn('never drilled')
    : drill.verdict === 'proven'
      ? style.good(`proven ${timeText(drill.finishedAt)}`)
      : style.bad(`drill ${drill.verdict} ${timeText(drill.finishedAt)}`)
  return `${backupId}, of ${timeText(snapshotAt)}, ${formatBytes(bytes)}, signed by ${signer}, ${verdict}`
}

/** How far the archived WAL leads. */
export function walText({
  timeline,
  from,
  end,
  objects,
  bytes,
}: Omit<NonNullable<BarePlan['wal']>, 'timeline'> & { timeline: number | undefined }): string {
  return `without a hole from ${from} to ${end} on timeline ${timeline}: ${objects} objects, ${formatBytes(bytes)}`
}

function diskText({ path, neededBytes, freeBytes }: NonNullable<BarePlan['disk']>): string {
  return `needs ${formatBytes(neededBytes)}, ${formatBytes(freeBytes)} are free at ${path}`
}
