import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import type { RecoveryWindow } from '@lifeboat/shared/domain/objectives.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { sinceText, timeText } from '../format/moments.ts'
import { pointLines } from '../format/points.ts'
import type { Style } from '../format/style.ts'
import { indent, table } from '../format/table.ts'
import { expiryText } from './expiry-text.ts'
import type { FleetStatus, Light, ServiceStatus, SetStatus, SourceStatus, Standing } from './status.ts'

/** The page a person reads: what is wrong first, in words. */
export function statusText(status: FleetStatus, style: Style): string {
  const nowMs = Date.parse(status.at)
  const parts = [
    `${light(status.light, style)} ${style.bold(status.fleet)}  ${style.dim(timeText(status.at))}`,
    ...status.sources.map((source) => sourceText(source, nowMs, style)),
    status.sources.length === 0 ? 'No source is configured.' : '',
    setsText(status.sets, style),
    incidentsText(status, nowMs, style),
    servicesText(status.services, nowMs, style),
    expiryText(status.expiry, nowMs, style),
    status.light === 'green' ? '' : style.dim('`lifeboat doctor` says what to do next.'),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** A word beside the colour: colours do not survive a log, a mail or every eye. */
function light(value: Light, style: Style): string {
  const paint = { green: style.good, yellow: style.warn, red: style.bad }[value]
  return paint(`● ${value}`)
}

function sourceText(source: SourceStatus, nowMs: number, style: Style): string {
  const rows: [string, string][] = [
    ['last stored', standing(source.lastStored)],
    ...Object.entries(source.provenAt).map(([target, at]): [string, string] => [
      `proven at ${target}`,
      at ? standing(at) : 'never',
    ]),
    [
      'next run',
      source.nextRun
        ? `${timeText(source.nextRun.dueAt)}, ${sinceText(source.nextRun.dueAt, nowMs)} (${source.nextRun.policyId})`
        : '–',
    ],
    ...source.running.map((run): [string, string] => ['running', `${run.runId} since ${timeText(run.dueAt)}`]),
    ['last runs', source.lastRuns.map((run) => run.state).join(', ') || '–'],
    ...recoverableRows(source, nowMs),
    ...walRow(source, nowMs),
    ...objectiveRow(source),
    ...secretsRow(source),
  ]
  const lines = rows.map(
    ([name, value]) => `${style.dim(name.padEnd(Math.max(...rows.map(([n]) => n.length))))}  ${value}`,
  )
  const reasons = source.reasons.map((reason) => `- ${reason}`)
  return [
    `${light(source.light, style)} ${style.bold(source.sourceId)}`,
    indent([...reasons, ...lines].join('\n')),
  ].join('\n')
}

function standing(one: Standing | undefined): string {
  return one ? `${one.backupId}, ${formatDuration(one.ageMs)} old` : 'never'
}

/** The newest window first. */
function recoverableRows({ objectives: { windows, firstPoint } }: SourceStatus, nowMs: number): [string, string][] {
  if (windows.length === 0) return firstPoint ? [['recoverable', `single backups since ${timeText(firstPoint)}`]] : []
  return windows
    .map((window): [string, string] => {
      const { from, to, current } = window
      const end = current ? sinceText(to, nowMs) : 'where WAL was lost'
      return [
        current ? 'recoverable' : 'and before',
        `any moment from ${timeText(from)} to ${timeText(to)}, ${end}; ${proofOf(window)}`,
      ]
    })
    .toReversed()
}

/** What targets hold is not yet what comes back. */
function proofOf({ from, provenFrom }: RecoveryWindow): string {
  if (provenFrom === undefined) return 'unproven: no drill has brought back a base that leads there'
  return provenFrom === from ? 'its base is proven' : `proven from ${timeText(provenFrom)} on`
}

function walRow({ wal }: SourceStatus, nowMs: number): [string, string][] {
  if (!wal?.state) return []
  const { status, safe, slot } = wal.state
  const lag = formatDuration(Math.max(0, nowMs - Date.parse(safe.at)))
  return [['wal', `${status}, off-site ${lag} behind, ${formatBytes(slot.retainedBytes)} kept back by the server`]]
}

function objectiveRow({ objectives: { promise, kept, rpoMs, rto } }: SourceStatus): [string, string][] {
  if (!promise || !kept) return []
  const lost = rpoMs === null ? 'everything' : formatDuration(rpoMs)
  const drills = rto?.drills === 1 ? '1 drill' : `${rto?.drills} drills`
  const back = rto ? `, ${word(kept.rto)}: ${formatDuration(rto.ms)} expected from ${drills}` : ', not measured yet'
  return [
    [
      'objective',
      `RPO ${formatDuration(promise.rpoMs)}, ${word(kept.rpo)}: ${lost} would be lost now · RTO ${formatDuration(promise.rtoMs)}${back}`,
    ],
  ]
}

function secretsRow({ exposedSecrets: exposed }: SourceStatus): [string, string][] {
  if (exposed === undefined) return []
  const { count, backupId } = exposed
  return [
    ['secrets', `${count} can be read by others than their owner on the host: \`lifeboat backup show ${backupId}\``],
  ]
}

function word(kept: boolean | null): string {
  return kept ? 'kept' : 'broken'
}

function setsText(sets: readonly SetStatus[], style: Style): string {
  if (sets.length === 0) return ''
  const lines = sets.flatMap(({ setId, light: shown, newest, newestComplete }) => [
    `${light(shown, style)} ${style.bold(setId)}${newest === undefined ? '  none was due yet' : ''}`,
    ...[newest, newestComplete].flatMap((point) => (point === undefined ? [] : [indent(pointLines(point, style))])),
  ])
  return `${style.bold('Sets')}\n${indent(lines.join('\n'))}`
}

function incidentsText({ incidents }: FleetStatus, nowMs: number, style: Style): string {
  if (incidents.length === 0) return ''
  const rows = incidents.map((incident) => [
    incident.severity === 'critical' ? style.bad('critical') : style.warn('warning'),
    incident.title,
    sinceText(incident.openedAt, nowMs),
  ])
  return `${style.bold('Open incidents')}\n${indent(table(['severity', 'what', 'since'].map(style.dim), rows))}`
}

function servicesText(services: readonly ServiceStatus[], nowMs: number, style: Style): string {
  const rows = services.map(({ service, id, present, instances, lastSeenAt, footings }) => [
    present ? style.good('present') : style.bad('silent'),
    service === id ? service : `${service} ${id}`,
    present
      ? [`${instances} instance${instances === 1 ? '' : 's'}`, ...footings.flatMap(lostText)].join('; ')
      : `last seen ${lastSeenAt ? sinceText(lastSeenAt, nowMs) : 'never'}`,
  ])
  return `${style.bold('Services')}\n${indent(table(['state', 'service', 'seen'].map(style.dim), rows))}`
}

function lostText({ part, name, error }: Footing): string[] {
  return error === undefined ? [] : [`${part} ${name}: ${error.code}`]
}
