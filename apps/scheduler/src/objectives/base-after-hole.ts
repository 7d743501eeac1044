import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { leadsBehind, type WalHole } from '@lifeboat/catalog/wal-record.ts'
import { isPhysicalKind, moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { Path } from '@lifeboat/shared/domain/timelines.ts'
import { expectedRun } from '../expectations.ts'
import { type Plan, planKey } from '../plans.ts'

/** A base that failed or was skipped is asked for again after this, until one has ended behind the hole. */
const AGAIN_AFTER_MS = 30 * 60_000

/** The agent that lost the WAL asks for a base itself; this makes up for one that could not, or whose base came to nothing. */
const AGENT_ASKS_WITHIN_MS = 5 * 60_000

export interface HoleQuestion {
  /** The newest one of the source. */
  hole: WalHole
  /** Of the present timeline. */
  way: Path
  /** Bases and incrementals of the source. */
  physical: readonly BackupRow[]
  /** Plans of the source. */
  plans: readonly Plan[]
  runs: readonly LedgerEntry[]
  nowMs: number
}

/**
 * The run to write down because WAL is lost: until a base or an incremental ends behind the hole nothing newer can be recovered, and the
 * schedule may not name one for days.
 *
 * @returns undefined when one is sealed or under way, or no policy takes any
 */
export function baseAfterHole({ hole, way, physical, plans, runs, nowMs }: HoleQuestion): LedgerEntry | undefined {
  const sinceMs = Date.parse(hole.since)
  if (nowMs - sinceMs < AGENT_ASKS_WITHIN_MS || physical.some((row) => endsBehind(row, hole, way))) return undefined
  const plan = choosePlan(plans)
  if (plan === undefined || runs.some((run) => isUnderWay(run, plans, nowMs))) return undefined
  const slotMs = sinceMs + Math.floor((nowMs - sinceMs) / AGAIN_AFTER_MS) * AGAIN_AFTER_MS
  const run = expectedRun(plan, slotMs)
  if (runs.some(({ runId }) => runId === run.runId)) return undefined
  return {
    ...run,
    dueAt: moment(nowMs),
    lateAt: moment(nowMs + plan.graceMs),
    deadlineAt: moment(nowMs + plan.graceMs + plan.maxDurationMs),
    reason: `WAL between ${hole.from} and ${hole.to} is lost: recovery goes on behind a new base only`,
  }
}

/** A base of a set is taken by itself then: the other members have lost nothing. */
function choosePlan(plans: readonly Plan[]): Plan | undefined {
  const found =
    plans.find(({ kind }) => kind === 'incremental') ??
    plans.find(({ kind, set }) => kind === 'base' && set === undefined) ??
    plans.find(({ kind }) => kind === 'base')
  if (found === undefined) return undefined
  const { set: _alone, ...plan } = found
  return plan
}

/** Sealed is enough: it is on its way. */
function endsBehind({ physical, state }: BackupRow, hole: WalHole, way: Path): boolean {
  return physical !== undefined && state !== 'failed' && leadsBehind(physical, hole, way)
}

function isUnderWay(run: LedgerEntry, plans: readonly Plan[], nowMs: number): boolean {
  const physical = plans.some((plan) => isPhysicalKind(plan.kind) && planKey(plan) === planKey(run))
  const waiting = run.state === 'expected' && Date.parse(run.dueAt) <= nowMs
  return physical && (waiting || run.state === 'wished' || run.state === 'running')
}
