import { decideExpiry } from '@lifeboat/catalog/expiry/decide.ts'
import type { Candidate, ExpiryQuestion } from '@lifeboat/catalog/expiry/question.ts'
import type { BackupId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { type BenchReport, median } from './report.ts'

const HOUR = 3_600_000
const NOW = Date.parse('2026-11-28T12:00:00Z')
const TARGETS = ['aws', 'gcp', 'azure'] as TargetId[]
const SECONDS = 10

/** `pnpm bench expiry [sources] [backups of each]`: what may go of a whole fleet, source after source, with the reason for every copy. */
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
  return {
    title: `${count * each} hourly backups of ${count} sources, each with three copies, every third of them drilled: keep last 48, daily 30, weekly 8, monthly 12; medians of 3.`,
    tables: [{ columns: ['days of', 'CPU time', 'copies let go', 'heap afterwards'], rows }],
    ratios: [
      { what: `deciding against ${SECONDS} s`, ratio: Number.parseFloat(String(rows[1]?.[1])) / SECONDS, limit: 1 },
    ],
    notes: [
      'The time is that of the processors, garbage collection included, for the decision alone, with the records of one source in memory at a time.',
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
  const keep = { last: 48, daily: 30, weekly: 8, monthly: 12, minAge: 24 * HOUR, zone }
  return { sourceId: `s${source}` as SourceId, backups, rulesOf: () => keep, holds: [], nowMs: NOW, doubts: [] }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
