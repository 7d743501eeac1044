import { Duration, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import { occurrences } from '../schedule.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, list, text } from './raw.ts'

/** Schedules that can be kept, copies that have room, objectives the schedules can meet. */
export const policyFindings: Rule = (raw, sections) => {
  if (!sections.has('policies')) return []
  return [
    ...blocks(raw, 'policies').flatMap(([id, policy]) => [
      ...copyFindings(id, policy),
      ...scheduleFindings(id, policy),
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

function scheduleFindings(id: string, policy: Raw): Finding[] {
  const path: Path = ['policies', id, 'schedule']
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

/** A dump brings back the moment it was taken, so the schedule's widest gap is the least loss it can promise. */
function objectiveFindings(raw: Raw): Finding[] {
  const gaps = gapsBySource(raw)
  return blocks(raw, 'objectives').flatMap(([source, objective]) => {
    const rpo = Duration.safeParse(objective.rpo)
    const gap = gaps.get(source)
    if (!rpo.success || gap === undefined || gap <= rpo.data) return []
    const message = `promises at most ${formatDuration(rpo.data)} of loss, but dumps are up to ${formatDuration(gap)} apart`
    const hint =
      'Schedule dumps more often or state the objective that can be kept; `lifeboat status` shows the breach meanwhile.'
    return [{ severity: 'warning', path: ['objectives', source, 'rpo'], message, hint }]
  })
}

/** The best policy of each source counts. */
function gapsBySource(raw: Raw): Map<string, number> {
  const known = block(raw.sources)
  const gaps = new Map<string, number>()
  for (const [, policy] of blocks(raw, 'policies')) {
    const gap = widestGapMs(block(policy.schedule))
    if (gap === undefined) continue
    for (const source of list(policy.sources))
      if (typeof source === 'string' && source in known) gaps.set(source, Math.min(gap, gaps.get(source) ?? gap))
  }
  return gaps
}

function widestGapMs(schedule: Raw): number | undefined {
  try {
    const runs = someRuns(text(schedule.cron) ?? '', text(schedule.zone), 50).map((run) => run.getTime())
    return runs.length < 2 ? undefined : Math.max(...runs.slice(1).map((run, i) => run - (runs[i] as number)))
  } catch {
    return undefined
  }
}

/** From a fixed day on, so that the same file always gets the same answer. */
function someRuns(cron: string, zone: string | undefined, count: number): Date[] {
  return occurrences({ cron, zone }, new Date('2026-01-01T00:00:00Z'), count)
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
