import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import type { Moment, PolicyId, RunId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { RunState } from '@lifeboat/shared/domain/ledger.ts'
import type { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import type { ExpiryOutcome } from '@lifeboat/shared/domain/retention.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'

/** `red` also means: we do not know. */
export type Light = 'green' | 'yellow' | 'red'

export interface Standing {
  backupId: string
  /** When the backup's moment was: what would come back. */
  at: Moment
  ageMs: number
}

export interface RunLine {
  runId: RunId
  policyId: PolicyId
  state: RunState
  dueAt: Moment
  backupId?: string
  reason?: string
}

/** Secrets in a tree that others than their owner may read on the host, as the backup that names them has it. */
export interface ExposedSecrets {
  backupId: string
  count: number
}

export interface SourceStatus {
  sourceId: SourceId
  light: Light
  /** Why it is not green; empty when it is. */
  reasons: string[]
  /** What to do about them, in their order, each once. */
  next: string[]
  lastStored?: Standing
  lastProven?: Standing & { targetId: string }
  /** Per target of its policies: the newest backup proven there, or null. */
  provenAt: Record<string, Standing | null>
  /** Without a run id: the schedule names it, the ledger does not yet. */
  nextRun?: { policyId: PolicyId; dueAt: Moment; runId?: RunId }
  running: RunLine[]
  /** Newest first. */
  lastRuns: RunLine[]
  objective?: { rpoMs: number; rtoMs: number; kept: boolean }
  /** What would come back of it now, from when to when, and how soon. */
  objectives: Objectives
  /** Of a source whose WAL is to be kept; undefined inside: nothing was heard of it. */
  wal?: { state?: WalState }
  /** No reason not to be green: its backups are none the worse. */
  exposedSecrets?: ExposedSecrets
}

export interface SetStatus {
  setId: PolicyId
  light: Light
  /** Undefined: none was due yet. */
  newest?: RecoveryPoint
  newestComplete?: RecoveryPoint
}

export interface ServiceStatus {
  service: string
  id: string
  present: boolean
  lastSeenAt?: Moment
  instances: number
  /** How far the clock of its host is from that of NATS, negative when behind; the largest of its instances. */
  clockAheadMs?: number
  /** What its instances stand on, each as the one told that it does not hold, if any did. */
  footings: Footing[]
  /** Of an agent: whose commands it obeys, by the configuration that is read here. */
  operators?: string[]
}

/** How letting go stands; there only where it has a schedule. */
export interface ExpiryStatus {
  /** Whether it lets go by itself, or only plans. */
  auto: boolean
  /** Undefined: none was settled yet. */
  last?: ExpiryOutcome
  nextAt?: Moment
  /** The time of one that is due and not settled. */
  dueAt?: Moment
}

export interface FleetStatus {
  fleet: string
  at: Moment
  light: Light
  sources: SourceStatus[]
  /** The newest recovery point of each set, and the newest complete one where that is another. */
  sets: SetStatus[]
  services: ServiceStatus[]
  expiry?: ExpiryStatus
  /** Open ones, critical first. */
  incidents: Incident[]
}

export function worst(lights: readonly Light[]): Light {
  if (lights.includes('red')) return 'red'
  return lights.includes('yellow') ? 'yellow' : 'green'
}
