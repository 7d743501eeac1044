import { nextStep } from '@lifeboat/catalog/audit/wal-stuck.ts'
import { parseLsn, segmentAt, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import type { AuditedRange, TimelineAudit } from '@lifeboat/shared/domain/wal-audit.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import { indent, table } from '../format/table.ts'
import type { SourceAudit, TargetAudit } from './audit-source.ts'

export function auditText(audits: readonly SourceAudit[], style: Style): string {
  return audits.map((audit) => sourceText(audit, style)).join('\n\n')
}

function sourceText({ sourceId, serverLsn, based, segmentBytes, targets }: SourceAudit, style: Style): string {
  const end =
    serverLsn === undefined ? style.dim('its agent has said nothing') : `the server has written until ${serverLsn}`
  const warning = based ? [] : [style.warn('No stored base leads into this WAL: alone it recovers nothing.')]
  return [
    `${style.bold(sourceId)}  ${end}`,
    ...warning,
    ...targets.map((target) => indent(targetText(target, segmentBytes, style))),
  ].join('\n')
}

type Audited = Extract<TargetAudit, { timelines: unknown }>

const WORDS = {
  whole: 'whole',
  behind: 'behind: WAL is late',
  missing: 'not whole: WAL that was there is missing or damaged, or contradicts itself',
  lost: 'WAL is lost',
  unreachable: 'cannot be listed',
}

function targetText(target: TargetAudit, segmentBytes: number, style: Style): string {
  const { targetId, verdict } = target
  const paint = { whole: style.good, behind: style.warn, missing: style.bad, lost: style.bad, unreachable: style.bad }[
    verdict
  ]
  const head = `${style.bold(targetId)}  ${paint(WORDS[verdict])}`
  if (target.verdict === 'unreachable')
    return [head, indent(`${target.error.code}: ${target.error.title}. ${target.error.hint}`)].join('\n')
  const { objects, bytes, strange, marked, timelines, damaged, broken } = target
  const remarks = [
    ...(marked || objects === 0 ? [] : ['cluster.json is missing: nothing says which cluster this WAL is of']),
    ...(strange.length === 0 ? [] : [`empty or strange objects: ${strange.join(', ')}`]),
  ]
  const drilled = broken ? [indent(style.bad(brokenText(broken)))] : []
  const stored = `${objects} object${objects === 1 ? '' : 's'}, ${formatBytes(bytes)}`
  return [
    `${head}  ${style.dim(stored)}`,
    ...drilled,
    ...damagedText(damaged).map((line) => indent(style.bad(line))),
    ...remarks.map((remark) => indent(style.warn(remark))),
    ...timelines.map((timeline) => indent(timelineText(timeline, segmentBytes, style))),
  ].join('\n')
}

function brokenText({ drillId, verdict, segment, reasons, backupId }: NonNullable<Audited['broken']>): string {
  const what = verdict === 'failed' ? 'broken' : 'too short'
  return `${what}${segment === undefined ? '' : ` at ${segment}`}, found by ${drillId} of ${backupId}: ${reasons.join(' ')}`
}

const SHOWN = 10

function damagedText(damaged: Audited['damaged']): string[] {
  const lines = damaged.slice(0, SHOWN).map((damage) => {
    const { key, found, problem, since, stuck } = damage
    const head = `${stuck ? 'stuck, ' : ''}${found}: ${key.slice(key.lastIndexOf('/') + 1)} since ${timeText(since)}: ${problem}`
    return stuck ? `${head}. ${nextStep(damage)}` : head
  })
  return damaged.length <= SHOWN ? lines : [...lines, `and ${damaged.length - SHOWN} more`]
}

interface Place {
  timeline: Timeline
  segmentBytes: number
}

function timelineText(audit: TimelineAudit, segmentBytes: number, style: Style): string {
  const { timeline, needed, history, ranges, conflicts } = audit
  const rows = ranges.map((range) => rangeRow(range, { timeline, segmentBytes }, style))
  const head = `timeline ${timeline}${needed ? '' : style.dim('  (abandoned; recovery does not need it)')}`
  const contradictions = conflicts.map(({ object, digests }) =>
    style.bad(`conflict: ${object} has ${digests.length} contents: ${digests.join(', ')}`),
  )
  return [
    head,
    ...(history ? [historyText(history, style)] : []),
    ...contradictions,
    ...(rows.length === 0 ? [] : [table(['state', 'from', 'to', 'size', ''].map(style.dim), rows)]),
  ]
    .join('\n')
    .replaceAll('\n', '\n  ')
}

function historyText({ status, at, bridged }: NonNullable<TimelineAudit['history']>, style: Style): string {
  switch (status) {
    case 'present':
      return `history: ${style.good(status)}`
    case 'delayed':
      return `history: ${style.dim(status)}, the server still has it`
    case 'uploading':
      return `history: ${style.dim(status)}, on its way; ${who(at)} it`
    case 'missing':
      return `history: ${style.bad(status)}; ${who(at)} it, from where it comes back by itself`
    case 'lost':
      return `history: ${style.bad(status)}; without it recovery ends where this timeline begins. Its agent ships it again if its server has it still${bridged ? '; a base ended behind it, newer moments can be recovered' : ''}`
  }
}

function rangeRow(range: AuditedRange, place: Place, style: Style): string[] {
  const { status, start, end, bytes } = range
  const paint = { present: style.good, delayed: style.dim, uploading: style.dim, missing: style.bad, lost: style.bad }[
    status
  ]
  return [
    range.late ? style.warn(`${status}, late`) : paint(status),
    start,
    end,
    formatBytes(bytes),
    remark(range, place),
  ]
}

/** What to do about it, or where it is; a name to look for in pg_wal and at the store. */
function remark({ status, start, end, at, bridged }: AuditedRange, place: Place): string {
  switch (status) {
    case 'present':
      return ''
    case 'delayed':
      return 'the server still has it'
    case 'uploading':
      return `on its way; ${who(at)} it`
    case 'missing':
      return `${segments(start, end, place)}; ${who(at)} it, from where it comes back by itself`
    case 'lost':
      return `${segments(start, end, place)}${bridged ? '; a base ended behind it, newer moments can be recovered' : ''}`
  }
}

function who(at: readonly string[] = []): string {
  return `${at.join(', ')} ${at.length === 1 ? 'has' : 'have'}`
}

function segments(start: string, end: string, { timeline, segmentBytes: size }: Place): string {
  const [first, last] = [segmentAt(timeline, parseLsn(start), size), segmentAt(timeline, parseLsn(end) - 1n, size)]
  return first === last ? first : `${first} to ${last}`
}
