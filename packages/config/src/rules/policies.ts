import { Duration, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, list, takings, text } from './raw.ts'
import { someRuns, widestGapMs } from './widest-gap.ts'

/** Schedules that can be kept, copies that have room, objectives the schedules can meet. */
export const policyFindings: Rule = (raw, sections) => {
  if (!sections.has('policies')) return []
  return [
    ...blocks(raw, 'policies').flatMap(([id, policy]) => [
      ...copyFindings(id, policy),
      ...scheduleFindings(['policies', id, 'schedule'], policy),
      ...tablesFindings(['policies', id], policy),
    ]),
    ...objectiveFindings(raw),
  ]
}

function copyFindings(id: string, policy: Raw): Finding[] {
  const required = block(policy.copies).required
  const room = new Set(list(policy.targets)).size
  if (typeof required !== 'number' || room === 0 || required <= room) return []
  const hint = 'No backup would ever count as stored, and the spool would never let a part go.'
  return [
    {
      severity: 'error',
      path: ['policies', id, 'copies', 'required'],
      message: `asks for ${required} copies of ${room} target${room === 1 ? '' : 's'}`,
      hint,
    },
  ]
}

/** A policy of this kind says what it exports, and no other does. */
export function tablesFindings(base: Path, policy: Raw): Finding[] {
  const tables = block(policy.tables)
  const isNamed = list(tables.list).length > 0 || Object.keys(block(tables.queries)).length > 0
  const path = [...base, 'tables']
  if (policy.kind === 'tables' && !isNamed) {
    const hint = 'Add `tables: { list: [my_table] }`, or `queries`.'
    return [{ severity: 'error', path, message: 'names no table and no query to export', hint }]
  }
  if (policy.kind === 'tables' || policy.tables === undefined) return []
  const message = `means nothing to a policy of kind ${text(policy.kind) ?? 'dump'}`
  return [{ severity: 'error', path, message, hint: 'Set `kind: tables`, or leave this out.' }]
}

export function scheduleFindings(path: Path, policy: Raw): Finding[] {
  const schedule = block(policy.schedule)
  const zone = text(schedule.zone)
  const cron = text(schedule.cron)
  if (zone !== undefined && !isZone(zone))
    return [
      ...(cron !== undefined ? cronFindings(cron, undefined, path) : []),
      {
        severity: 'error',
        path: [...path, 'zone'],
        message: `no time zone is called ${zone}`,
        hint: 'Use an IANA name such as UTC or Europe/Berlin.',
      },
    ]
  return cron === undefined ? [] : cronFindings(cron, zone, path)
}

function cronFindings(cron: string, zone: string | undefined, path: Path): Finding[] {
  const error = (message: string): Finding[] => [
    { severity: 'error', path: [...path, 'cron'], message, hint: CRON_HINT },
  ]
  if (![5, 6].includes(cron.trim().split(/\s+/).length))
    return error('a schedule has five fields, or six with seconds first')
  try {
    return someRuns(cron, zone, 1).length === 0 ? error('this schedule is never due') : []
  } catch (thrown) {
    return error(
      `this is no schedule: ${thrown instanceof Error ? thrown.message.replace(/^CronPattern: /, '') : String(thrown)}`,
    )
  }
}

const CRON_HINT = 'Minute, hour, day of month, month, weekday: "0 2 * * *" is every day at 02:00.'

/**
 * A backup brings back the moment it was taken, so the schedule's widest gap is the least loss it can promise; with WAL behind a base it is
 * the time between two pieces.
 */
function objectiveFindings(raw: Raw): Finding[] {
  const gaps = gapsBySource(raw)
  return blocks(raw, 'objectives').flatMap(([source, objective]) => {
    const rpo = Duration.safeParse(objective.rpo)
    const gap = gaps.get(source)
    if (!rpo.success || gap === undefined || gap.ms <= rpo.data) return []
    const message = `promises at most ${formatDuration(rpo.data)} of loss, but ${gap.what} ${formatDuration(gap.ms)} ${gap.apart}`
    return [{ severity: 'warning', path: ['objectives', source, 'rpo'], message, hint: gap.hint }]
  })
}

interface Gap {
  ms: number
  what: string
  apart: string
  hint: string
}

/** The best of each source counts: its WAL, or the policy with the narrowest gaps. */
function gapsBySource(raw: Raw): Map<string, Gap> {
  const known = block(raw.sources)
  const gaps = new Map<string, Gap>()
  const offer = (source: unknown, gap: Gap) => {
    if (typeof source !== 'string' || !(source in known)) return
    if (gap.ms < (gaps.get(source)?.ms ?? Number.POSITIVE_INFINITY)) gaps.set(source, gap)
  }
  for (const [, policy] of takings(raw)) {
    // Exported tables bring back themselves, not the source.
    if (policy.kind === 'tables') continue
    const ms = widestGapMs(block(policy.schedule))
    const what = policy.kind === 'dump' ? 'dumps are up to' : 'backups are up to'
    if (ms === undefined) continue
    for (const source of list(policy.sources)) offer(source, { ms, what, apart: 'apart', hint: SCHEDULE_HINT })
  }
  for (const [source, wal] of blocks(raw, 'wal')) {
    const flush = Duration.safeParse(wal.flushEvery ?? '10s')
    if (!flush.success || !isBased(raw, source)) continue
    offer(source, { ms: flush.data, what: 'WAL goes off-site every', apart: 'at best', hint: FLUSH_HINT })
  }
  return gaps
}

const SCHEDULE_HINT =
  'Keep the WAL of this source (`wal`) behind a policy of kind base, schedule backups more often, or state the objective that can be kept; `lifeboat status` shows the breach meanwhile.'
const FLUSH_HINT =
  'Lower flushEvery, state the objective that can be kept, or name the slot in synchronous_standby_names: then a commit returns only when it is off-site.'

/** WAL counts behind a base only. */
function isBased(raw: Raw, source: string): boolean {
  return takings(raw).some(
    ([, { kind, sources }]) => (kind === 'base' || kind === 'incremental') && list(sources).includes(source),
  )
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
