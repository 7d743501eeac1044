import { decideExpiry } from '@lifeboat/catalog/expiry/decide.ts'
import type { Candidate, ExpiryQuestion } from '@lifeboat/catalog/expiry/question.ts'
import type { BackupId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { type BenchReport, median } from './report.ts'
import { planned, simulated } from './support/fleet-plans.ts'

const HOUR = 3_600_000
export const NOW = Date.parse('2026-11-28T12:00:00Z')
export const TARGETS = ['aws', 'gcp', 'azure'] as TargetId[]
export const KEEP = { last: 48, daily: 30, weekly: 8, monthly: 12, minAge: 24 * HOUR, zone: 'Europe/Berlin' }
const SECONDS = 10
/** Planned twice, and the records made up for it. */
const PLAN_SECONDS = 30
/** Live memory of two runs of the same work differs by less. */
const SAME = 1.25
/** For a million backups; much of it is what the collector has not looked at yet. */
const MOST_BYTES = 600e6

export interface ExpiryOrder {
  sources: number
  /** Backups of each. */
  each: number
}

export interface ExpiryMeasure {
  /** Of the processors. */
  seconds: number
  /** Copies that may go. */
  going: number
  /** What a collection leaves of the heap while it goes on, at most. */
  liveBytes: number
  /** Highest resident memory. */
  peakBytes: number
}

/** `pnpm bench expiry [sources] [backups of each]`: what may go of a whole fleet, source after source, with the reason for every copy; and the calendar played through. */
export async function bench([sources = '1000', perSource = '1000']: readonly string[]): Promise<BenchReport> {
  const [count, each] = [Number(sources), Number(perSource)]
  const rows: (string | number)[][] = []
  for (const zone of ['UTC', 'Europe/Berlin']) {
    const rounds = [round(count, each, zone), round(count, each, zone), round(count, each, zone)]
    const last = rounds.at(-1)
    rows.push([zone, seconds(median(rounds.map(({ ms }) => ms))), last?.letGo ?? 0, formatBytes(last?.heapBytes ?? 0)])
  }
  const one = round(1, count * each, 'Europe/Berlin')
  rows.push(['Europe/Berlin, all of one source', seconds(one.ms), one.letGo, formatBytes(one.heapBytes)])
  const few = { sources: Math.ceil(count / 10), each }
  const many = { sources: count, each }
  const [planFew, planMany] = [await planned(few), await planned(many)]
  const [playFew, playMany] = [await simulated(few), await simulated(many)]
  const fleets = [
    ['the plan of a scheduler', planFew, planMany],
    ['`schedule --simulate`', playFew, playMany],
  ] as const
  return {
    title: `${count * each} hourly backups of ${count} sources, each with three copies, every third of them drilled: keep last 48, daily 30, weekly 8, monthly 12; medians of 3.`,
    tables: [
      { columns: ['days of', 'CPU time', 'copies let go', 'heap afterwards'], rows },
      {
        title: 'A whole fleet, in a process of its own',
        columns: ['what', 'CPU time', `peak memory of ${few.sources} sources`, `of ${many.sources} sources`, 'live'],
        rows: fleets.map(([what, small, large]) => [
          ...[
            what,
            `${large.seconds.toFixed(2)} s`,
            formatBytes(small.peakBytes),
            formatBytes(large.peakBytes),
            'liveBytes' in large ? formatBytes(large.liveBytes) : '–',
          ],
        ]),
      },
    ],
    ratios: [
      { what: `deciding against ${SECONDS} s`, ratio: Number.parseFloat(String(rows[1]?.[1])) / SECONDS, limit: 1 },
      { what: `the plan against ${PLAN_SECONDS} s`, ratio: planMany.seconds / PLAN_SECONDS, limit: 1 },
      { what: `--simulate against ${SECONDS} s`, ratio: playMany.seconds / SECONDS, limit: 1 },
      {
        what: 'live memory of the plan, ten times the sources',
        ratio: planMany.liveBytes / planFew.liveBytes,
        limit: SAME,
      },
      ...fleets.map(([what, , large]) => ({
        ...{
          what: `peak memory of ${what} against ${formatBytes(MOST_BYTES)}`,
          ratio: large.peakBytes / MOST_BYTES,
          limit: 1,
        },
      })),
    ],
    notes: [
      'The time is that of the processors, garbage collection included, for the decision alone, with the records of one source in memory at a time.',
      'The plan decides about each source twice, since something goes of each: once to sum up, once to let go; making up the records it reads is part of its time. The bus and the catalogue are not.',
      '`--simulate` is the whole command, the configuration of the fleet read and its answer printed as JSON.',
    ],
  }
}

function round(sources: number, perSource: number, zone: string): { ms: number; letGo: number; heapBytes: number } {
  let [ms, letGo] = [0, 0]
  for (let source = 0; source < sources; source += 1) {
    const question = questionOf(source, perSource, zone)
    const began = process.cpuUsage()
    const { copies } = decideExpiry(question)
    const { user, system } = process.cpuUsage(began)
    ms += (user + system) / 1000
    letGo += copies.filter((copy) => copy.do === 'let-go').length
  }
  return { ms, letGo, heapBytes: process.memoryUsage().heapUsed }
}

function questionOf(source: number, count: number, zone: string): ExpiryQuestion {
  const backups = Array.from({ length: count }, (_, no): Candidate => {
    const copies = TARGETS.map((targetId, t) => ({
      targetId,
      state: 'there' as const,
      proven: no % TARGETS.length === t,
    }))
    const names = { backupId: `b${no}` as BackupId, policyId: 'hourly' as PolicyId, kind: 'dump' }
    return { ...names, sealed: true, atMs: NOW - no * HOUR, bytes: 1e6, needs: [], copies }
  })
  const keep = { ...KEEP, zone }
  return { sourceId: `s${source}` as SourceId, backups, rulesOf: () => keep, holds: [], nowMs: NOW, doubts: [] }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
