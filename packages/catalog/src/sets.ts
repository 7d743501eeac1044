import type { BackupId, Moment, PolicyId, RecoveryPointId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry, RunState } from '@lifeboat/shared/domain/ledger.ts'
import type { SetMember } from '@lifeboat/shared/domain/set.ts'
import type { BackupRow } from './catalog.ts'

/** A member of one recovery point: as far as its backup has come, else as far as its run; `late`: due and not begun in time · `unknown`: nobody knows of a run. */
export type MemberState = BackupRow['state'] | RunState | 'late' | 'unknown'

export interface MemberOfPoint extends SetMember {
  state: MemberState
  backupId?: BackupId
  /** Why it cannot count, in words. */
  reason?: string
}

/**
 * `open`: members are still to come · `incomplete`: one of them came to nothing, the reasons say which · `complete`: enough targets hold every one ·
 * `proven`: every one is · `expired`: let go.
 */
export interface RecoveryPoint {
  point: RecoveryPointId
  setId: PolicyId
  dueAt: Moment
  state: 'open' | 'incomplete' | 'complete' | 'proven' | 'expired'
  members: MemberOfPoint[]
  /** One sentence for each member that keeps it from being complete; empty unless incomplete. */
  reasons: string[]
}

export interface PointsQuestion {
  /** Rows of any backups; those of no set are passed over. */
  rows: readonly BackupRow[]
  /** Runs of any plans, likewise. */
  runs: readonly LedgerEntry[]
  nowMs: number
}

/**
 * What sets have come to: a set is as good as the worst of its members. A backup of an incomplete set is as good as any other; only the whole is not said to be there.
 *
 * @returns every recovery point that is due or has a backup, newest first
 */
export function recoveryPoints({ rows, runs, nowMs }: PointsQuestion): RecoveryPoint[] {
  const backups = Map.groupBy(rows, ({ set }) => set?.point)
  const ledger = Map.groupBy(runs, ({ set }) => set?.point)
  const points = new Set([...backups.keys(), ...ledger.keys()])
  return [...points]
    .flatMap((point) => {
      const own = { rows: backups.get(point) ?? [], runs: ledger.get(point) ?? [], nowMs }
      const set = own.rows[0]?.set ?? own.runs[0]?.set
      if (set === undefined || (own.rows.length === 0 && own.runs.every(({ dueAt }) => Date.parse(dueAt) > nowMs)))
        return []
      const members = set.members.map((member) => memberOf(member, own))
      return { ...{ point: set.point, setId: set.setId, dueAt: dueOf(set.point), members }, ...verdict(members) }
    })
    .sort((a, b) => (a.dueAt === b.dueAt ? (a.point < b.point ? 1 : -1) : a.dueAt < b.dueAt ? 1 : -1))
}

function verdict(members: readonly MemberOfPoint[]): Pick<RecoveryPoint, 'state' | 'reasons'> {
  const all = (...states: MemberState[]) => members.every(({ state }) => states.includes(state))
  if (all('proven')) return { state: 'proven', reasons: [] }
  if (all('stored', 'proven')) return { state: 'complete', reasons: [] }
  if (all('expired')) return { state: 'expired', reasons: [] }
  const reasons = members.flatMap(({ policyId, sourceId, reason }) =>
    reason === undefined ? [] : [`${policyId} of ${sourceId}: ${reason}`],
  )
  return { state: reasons.length > 0 ? 'incomplete' : 'open', reasons }
}

function memberOf(member: SetMember, { rows, runs, nowMs }: PointsQuestion): MemberOfPoint {
  const isOwn = (one: { policyId: string; sourceId: SourceId }) =>
    one.policyId === member.policyId && one.sourceId === member.sourceId
  const [best] = rows.filter(isOwn).sort((a, b) => BEST.indexOf(a.state) - BEST.indexOf(b.state))
  const attempts = runs.filter(isOwn).sort((a, b) => (a.dueAt < b.dueAt ? 1 : -1))
  // Whoever asked again counts: what came of an earlier run is its business no more.
  const run = attempts.find(({ state }) => GOING_ON.has(state)) ?? attempts[0]
  if (best !== undefined && best.state !== 'failed' && best.state !== 'running') return { ...member, ...ofBackup(best) }
  if (run !== undefined) return { ...member, ...(best && { backupId: best.backupId }), ...ofRun(run, nowMs) }
  if (best === undefined) return { ...member, state: 'unknown', reason: 'nothing is known of it' }
  const reason = best.state === 'failed' ? { reason: `${best.backupId} failed` } : {}
  return { ...member, state: best.state, backupId: best.backupId, ...reason }
}

const BEST: BackupRow['state'][] = ['proven', 'stored', 'sealed', 'running', 'expired', 'failed']
const GOING_ON = new Set<RunState>(['expected', 'wished', 'running'])

function ofBackup({ state, backupId, copies }: BackupRow): Omit<MemberOfPoint, keyof SetMember> {
  const all = Object.entries(copies)
  if (state === 'expired') return { state, backupId, reason: `${backupId} was let go` }
  // What is still to come to a target, or to be made whole there, may yet be enough.
  if (state !== 'sealed' || all.some(([, copy]) => copy === 'expected' || copy === 'missing'))
    return { state, backupId }
  const what = all.map(([target, copy]) => `${copy} at ${target}`).join(', ')
  return { state, backupId, reason: `${backupId} is not held by enough targets: ${what}` }
}

function ofRun(
  { state, reason, error, lateAt, attempt }: LedgerEntry,
  nowMs: number,
): Omit<MemberOfPoint, keyof SetMember> {
  if (state === 'running' || state === 'succeeded') return { state }
  if (!GOING_ON.has(state)) return { state, reason: `${state}, ${reason ?? error?.title ?? 'nobody said why'}` }
  if (attempt > 0 || Date.parse(lateAt) >= nowMs) return { state }
  return { state: 'late', reason: `late, not begun by ${lateAt}` }
}

/** `weekly.20260927T010000Z` → `2026-09-27T01:00:00.000Z` */
function dueOf(point: RecoveryPointId): Moment {
  const [, y, mo, d, h, mi, s] = /\.(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(point) ?? []
  return `${y}-${mo}-${d}T${h}:${mi}:${s}.000Z` as Moment
}
