import type { TargetSurvey, WalDamage } from '@lifeboat/catalog/audit/buckets.ts'
import type { BackupRow, SealedTo } from '@lifeboat/catalog/catalog.ts'
import type { ExpiryWatch, LockedCopy } from '@lifeboat/catalog/expiry/buckets.ts'
import type { HeldIdentity } from '@lifeboat/catalog/keys/judge-keys.ts'
import type { WalRecord } from '@lifeboat/catalog/wal-record.ts'
import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import type { AgentId, BackupId, BackupKind, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident, IncidentRule } from '@lifeboat/shared/domain/incident.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import type { ExpiryOutcome } from '@lifeboat/shared/domain/retention.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Letter } from './letters.ts'

/** Everything the rules may look at: what was planned, what became of it, who is alive. No rule asks anybody else. */
export interface World {
  nowMs: number
  /** When this alerter began to look; a service is not silent before it had time to speak. */
  watchingSinceMs: number
  plans: readonly WatchedPlan[]
  /** Drills with dates of their own, by source. */
  drills: readonly WatchedDrill[]
  /** Runs by plan key, oldest first. */
  runs: ReadonlyMap<string, readonly LedgerEntry[]>
  /** Backups by plan key, newest first. */
  backups: ReadonlyMap<string, readonly BackupRow[]>
  /** Number of tables of a backup, as far as it was looked up. */
  tables: ReadonlyMap<BackupId, number>
  /** What the last drill said of a copy that is disproven, or was drilled in vain and waits longest, hints included, by `<backup>/<target>`. */
  drillReasons: ReadonlyMap<string, readonly string[]>
  /** Who should be there, and who was heard of lately. */
  services: readonly WatchedService[]
  /** What the configuration has processes stand on, and what they found of it. */
  footings: readonly WatchedFooting[]
  letters: readonly Letter[]
  /** Sources with a promise, and what it is worth now. */
  objectives: readonly Objectives[]
  /** Sources whose WAL is to be kept. */
  wal: readonly WatchedWal[]
  /** Bases and incrementals by source, newest first. */
  physical: ReadonlyMap<SourceId, readonly BackupRow[]>
  /** The newest look at each target. */
  surveys: readonly TargetSurvey[]
  /** WAL that was found wrong or missing at a target, until that it is mended was told. */
  walDamage: readonly WalDamage[]
  /** Copies that were let go and that the store still holds. */
  locked: readonly LockedCopy[]
  /** What became of the last expiry that was due. */
  expiry: ExpiryOutcome | undefined
  /** When the next one is looked for, and from when on. */
  expirySchedule: ExpirySchedule | undefined
  expiryWatch: ExpiryWatch | undefined
  /** Older backups of which a target lacks the copy, or holds wrong bytes. */
  bad: readonly BackupRow[]
  /** Members of sets, recent and older. */
  ofSets: readonly BackupRow[]
  /** Private keys that are declared to be there. */
  identities: readonly HeldIdentity[]
  /** The keys kept backups are encrypted to, by source. */
  sealedTo: ReadonlyMap<SourceId, readonly SealedTo[]>
  /** Files the server found damaged while it read them, by backup; at most 100 each. */
  damaged: ReadonlyMap<BackupId, readonly string[]>
}

export interface ExpirySchedule {
  cron: string
  zone: string
}

/** The WAL of one source, as far as anybody said something of it. */
export interface WatchedWal {
  sourceId: SourceId
  agentId: AgentId
  targets: readonly TargetId[]
  flushEveryMs: number
  state?: WalState | undefined
  record?: WalRecord | undefined
}

/** One policy applied to one source, with what the rules need of it. */
export interface WatchedPlan {
  policyId: PolicyId
  sourceId: SourceId
  kind: BackupKind
  graceMs: number
  targets: readonly TargetId[]
  size: { min: number; medianRatio: number; medianOf: number }
  /** A stored backup without any verdict after this long is unproven. */
  proveWithinMs: number
  /** Incrementals in a row, before the next one is a full base. */
  maxChain: number
  /** Of a member of a set. */
  setId?: PolicyId
}

/** A drill with a date of its own, for one source. */
export interface WatchedDrill {
  policyId: PolicyId
  sourceId: SourceId
}

export interface WatchedService {
  service: string
  /** For agents: which one. */
  name?: string
  /** When an instance last said it is there; undefined: never, as far as this alerter knows. */
  lastSeenMs: number | undefined
}

/** Not the mail server: that mail does not go out cannot be mailed; `lifeboat doctor` says it. */
export interface WatchedFooting {
  part: Exclude<Footing['part'], 'mail'>
  name: string
  /** Undefined: no process that is there tells of it, or it did not look lately. */
  found?: Footing | undefined
}

/** What a rule found, as long as it is so. The same cause is the same incident. */
export interface Finding {
  cause: string
  rule: IncidentRule
  severity: Incident['severity']
  /** Constant per cause: it becomes the subject of the mail. */
  title: string
  details: string[]
  hint: string
}

/** The rule cannot tell at the moment: an open incident of this cause stays open. */
export interface Unknown {
  cause: string
  unknown: true
}

export type Judgement = Finding | Unknown
export type Rule = (world: World) => Judgement[]

export function planKey(of: { policyId: string; sourceId: string }): string {
  return `${of.policyId}.${of.sourceId}`
}

/** `missing.records.daily` */
export function causeOf(rule: IncidentRule, plan: WatchedDrill, ...further: string[]): string {
  return [rule, plan.sourceId, plan.policyId, ...further].join('.')
}
