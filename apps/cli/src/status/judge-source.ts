import type { BackupRow, SourceSummary } from '@lifeboat/catalog/catalog.ts'
import { measureObjectives } from '@lifeboat/catalog/objectives.ts'
import { type KnownWal, physicalRows } from '@lifeboat/catalog/objectives-window.ts'
import { bringsBackAll } from '@lifeboat/catalog/summarize.ts'
import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import type { BackupKind, Moment, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { reportLine } from '../format/error-text.ts'
import { beginOf, timeText } from '../format/moments.ts'
import { exposedSecrets } from './exposed-secrets.ts'
import { type Finding, rank, red, yellow } from './finding.ts'
import { brokenFindings, walFindings } from './judge-wal.ts'
import { type RunLine, type SourceStatus, type Standing, worst } from './status.ts'

/** Everything that is known about one source. */
export interface Known {
  sourceId: SourceId
  /** The policies it is under, with their targets. */
  policies: readonly KnownPolicy[]
  objective?: { rpo: number; rto: number } | undefined
  summary?: SourceSummary | undefined
  /** Its runs in the ledger, any order. */
  runs: readonly LedgerEntry[]
  /** Open ones that name it. */
  incidents: readonly Incident[]
  /** What its agent found that keeps it from this source. */
  lost: readonly Footing[]
  /** Of a source whose WAL is to be kept: what is known of it. */
  wal?: KnownWal | undefined
}

export interface KnownPolicy {
  policyId: PolicyId
  kind?: BackupKind
  targets: readonly TargetId[]
  /** The next moment its schedule names, jitter not counted. */
  nextAt: Moment
}

const SHOWN_RUNS = 5
/** The scheduler writes runs down a day and an hour ahead; what is due within this long must be in the ledger. */
const WRITTEN_AHEAD_MS = 24 * 3_600_000
const WAITING = new Set(['expected', 'wished'])

/** What is known → a light with the reasons for it. What is not known is red: nobody can promise what nobody knows. */
export function judgeSource(all: Known, nowMs: number): SourceStatus {
  const known = { ...all, summary: judgedSummary(all) }
  const runs = [...known.runs].sort((a, b) => (a.dueAt < b.dueAt ? 1 : -1))
  const stored = newestStored(known.summary, nowMs)
  const proven = newestProven(known.summary, nowMs)
  const { sourceId, summary, objective: promise } = known
  const exposed = exposedSecrets(all.summary)
  const objectives = measureObjectives({ sourceId, summary, promise, ...known.wal, nowMs })
  const findings = [
    ...standingFindings(known, stored, proven),
    ...objectiveFindings(known, objectives, proven),
    ...(known.wal ? walFindings(sourceId, known.wal, objectives, nowMs) : []),
    ...brokenFindings(sourceId, summary),
    ...runFindings(known, runs, nowMs),
    ...lostFindings(known.lost),
    ...incidentFindings(known.incidents),
  ].sort((a, b) => rank(a) - rank(b))
  return {
    sourceId: known.sourceId,
    light: worst(findings.map(({ light }) => light)),
    reasons: findings.map(({ reason }) => reason),
    next: [...new Set(findings.map(({ next }) => next))],
    ...(stored ? { lastStored: stored } : {}),
    ...(proven ? { lastProven: proven } : {}),
    provenAt: provenPerTarget(known, nowMs),
    ...nextRun(known, runs, nowMs),
    running: runs.filter((run) => run.state === 'running').map(runLine),
    lastRuns: runs
      .filter((run) => !WAITING.has(run.state) && run.state !== 'running')
      .slice(0, SHOWN_RUNS)
      .map(runLine),
    ...objectiveOf(objectives),
    objectives,
    ...(known.wal && { wal: known.wal.state ? { state: known.wal.state } : {} }),
    ...(exposed && { exposedSecrets: exposed }),
  }
}

/** A source of which nothing but tables is kept is judged by its exports. */
function judgedSummary({ summary, policies }: Known): SourceSummary | undefined {
  const isWhole = policies.length === 0 || policies.some(({ kind = 'dump' }) => bringsBackAll(kind))
  if (summary === undefined || isWhole) return summary
  const stored = summary.recent.find(({ state }) => state === 'stored' || state === 'proven')
  const proven = summary.recent.find(({ state }) => state === 'proven')
  const [targetId] = (Object.keys(proven?.copies ?? {}) as TargetId[]).filter((id) => proven?.copies[id] === 'proven')
  const at = proven?.snapshotAt ?? proven?.startedAt
  return {
    ...summary,
    ...(stored && { lastStored: { backupId: stored.backupId, at: stored.startedAt } }),
    ...(proven && at && targetId && { lastProven: { backupId: proven.backupId, at, snapshotAt: at, targetId } }),
  }
}

/** A source under several policies is backed up when one of them is named; one that brings all of it back goes first. */
function takeNow({ sourceId, policies }: Known): string {
  const chosen = policies.find(({ kind = 'dump' }) => bringsBackAll(kind)) ?? policies[0]
  const named = policies.length > 1 && chosen ? ` --policy ${chosen.policyId}` : ''
  return `lifeboat backup now ${sourceId}${named} --wait`
}

function standingFindings(known: Known, stored?: Standing, proven?: Standing): Finding[] {
  const { sourceId, summary } = known
  const take = `${takeNow(known)}; if it fails, lifeboat source check ${sourceId}`
  const drill = `lifeboat drill run ${sourceId} --wait`
  if (!summary) return [red('nothing is known of it: no backup was ever recorded', take)]
  if (!stored) return [red('no backup has reached enough targets', take)]
  const found: Finding[] = []
  if (!proven) found.push(red('no backup was ever proven by a restore', drill))
  const newest = summary.recent.find((row) => row.backupId === stored.backupId)
  for (const [target, state] of Object.entries(newest?.copies ?? {})) {
    const check = `lifeboat target check ${target}`
    const show = `lifeboat drill show ${stored.backupId}`
    if (state === 'disproven')
      found.push(red(`the copy of ${stored.backupId} at ${target} is worthless: its drill failed`, show))
    if (state === 'refused') found.push(yellow(`${target} refused its copy of ${stored.backupId}`, check))
    if (state === 'expected') found.push(yellow(`${target} has no copy of ${stored.backupId} yet`, check))
  }
  if (proven && proven.backupId !== stored.backupId)
    found.push(yellow(`the newest backup, ${stored.backupId}, is not proven yet`, drill))
  return found
}

function objectiveFindings(known: Known, { promise, rpoMs, by, rto, kept }: Objectives, proven?: Standing): Finding[] {
  if (promise === undefined || rpoMs === null) return []
  const { sourceId, summary } = known
  const promised = (ms: number) => `the promise is ${formatDuration(ms)}`
  const take = by === 'wal' ? `lifeboat wal status ${sourceId}` : takeNow(known)
  const drill = `lifeboat drill run ${sourceId} --wait`
  const found: Finding[] = []
  if (rpoMs > promise.rpoMs)
    found.push(red(`${formatDuration(rpoMs)} of work would be lost now, ${promised(promise.rpoMs)}`, take))
  else if (by === 'wal' && !physicalRows(summary).some(({ state }) => state === 'proven'))
    found.push(yellow('no base was ever proven by a restore: recovery through WAL was not rehearsed', drill))
  else if (by === 'backup' && proven && proven.ageMs > promise.rpoMs)
    found.push(
      yellow(`the newest proven backup is ${formatDuration(proven.ageMs)} old, ${promised(promise.rpoMs)}`, drill),
    )
  if (rto && kept?.rto === false)
    found.push(
      yellow(
        `by its drills recovery is going to take ${formatDuration(rto.ms)}, ${promised(promise.rtoMs)}`,
        'a host with more cores or a nearer target, bases more often, or a longer `objectives.rto`',
      ),
    )
  return found
}

function runFindings(known: Known, runs: readonly LedgerEntry[], nowMs: number): Finding[] {
  return known.policies.flatMap(({ policyId, nextAt }) => {
    const own = runs.filter((run) => run.policyId === policyId)
    const late = own.filter((run) => WAITING.has(run.state) && Date.parse(run.lateAt) < nowMs)
    const written = own.some((run) => WAITING.has(run.state) || run.state === 'running')
    const soon = Date.parse(nextAt) - nowMs < WRITTEN_AHEAD_MS
    return [
      ...(written || !soon
        ? []
        : [
            red(
              `the run of policy ${policyId} at ${timeText(nextAt)} is not written down: does a scheduler run?`,
              'start a scheduler, or look at its log',
            ),
          ]),
      ...late.map((run) =>
        red(
          `run ${run.runId} has not begun, ${formatDuration(nowMs - Date.parse(run.dueAt))} after its time`,
          'start the agent of this source, or look at its log',
        ),
      ),
      ...lastRunFindings(own.find((run) => !WAITING.has(run.state) && run.state !== 'running')),
    ]
  })
}

function lastRunFindings(last: LedgerEntry | undefined): Finding[] {
  if (!last || last.state === 'succeeded') return []
  const why = last.error?.title ?? last.reason
  const reason = `the last run of policy ${last.policyId} ${WORDS[last.state] ?? last.state}${why ? `: ${why}` : ''}`
  const next = last.error?.hint ?? `the agent’s log for ${last.runId}`
  return [last.state === 'skipped' || last.state === 'cancelled' ? yellow(reason, next) : red(reason, next)]
}

const WORDS: Record<string, string> = {
  failed: 'failed',
  missed: 'was missed',
  overdue: 'took too long',
  skipped: 'was skipped',
  cancelled: 'was cancelled',
}

function lostFindings(lost: readonly Footing[]): Finding[] {
  return lost.flatMap(({ error }) =>
    error ? [red(`its agent is kept from it: ${reportLine(error)}`, error.hint)] : [],
  )
}

function incidentFindings(incidents: readonly Incident[]): Finding[] {
  return incidents.map(({ severity, title, hint }) =>
    severity === 'critical' ? red(title, hint) : yellow(title, hint),
  )
}

function newestStored(summary: SourceSummary | undefined, nowMs: number): Standing | undefined {
  const last = summary?.lastStored
  if (!last) return undefined
  // Its beginning, not the moment it was stored: work done since then is not in it.
  return standing(last.backupId, beginOf(last.backupId), nowMs)
}

function newestProven(summary: SourceSummary | undefined, nowMs: number): SourceStatus['lastProven'] {
  const last = summary?.lastProven
  return last && { ...standing(last.backupId, last.snapshotAt, nowMs), targetId: last.targetId }
}

function provenPerTarget({ policies, summary }: Known, nowMs: number): Record<string, Standing | null> {
  const targets = new Set(policies.flatMap((policy) => policy.targets))
  return Object.fromEntries([...targets].map((target) => [target, provenAt(summary, target, nowMs)]))
}

function provenAt(summary: SourceSummary | undefined, target: TargetId, nowMs: number): Standing | null {
  const row = summary?.recent.find((one: BackupRow) => one.copies[target] === 'proven')
  if (row) return standing(row.backupId, row.startedAt, nowMs)
  const last = summary?.lastProven
  return last?.targetId === target ? standing(last.backupId, last.snapshotAt, nowMs) : null
}

/** What the ledger expects next, else what the schedule says. */
function nextRun({ policies }: Known, runs: readonly LedgerEntry[], nowMs: number): Pick<SourceStatus, 'nextRun'> {
  const expected = runs.filter((run) => run.state === 'expected' && Date.parse(run.dueAt) > nowMs).at(-1)
  if (expected) return { nextRun: { policyId: expected.policyId, dueAt: expected.dueAt, runId: expected.runId } }
  const next = [...policies].sort((a, b) => (a.nextAt < b.nextAt ? -1 : 1))[0]
  return next ? { nextRun: { policyId: next.policyId, dueAt: next.nextAt } } : {}
}

function objectiveOf({ promise, kept }: Objectives): Pick<SourceStatus, 'objective'> {
  return promise && kept ? { objective: { ...promise, kept: kept.rpo } } : {}
}

function standing(backupId: string, at: Standing['at'], nowMs: number): Standing {
  return { backupId, at, ageMs: nowMs - Date.parse(at) }
}

function runLine({ runId, policyId, state, dueAt, backupId, reason, error }: LedgerEntry): RunLine {
  const why = reason ?? error?.title
  return { runId, policyId, state, dueAt, ...(backupId ? { backupId } : {}), ...(why ? { reason: why } : {}) }
}
