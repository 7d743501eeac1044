import type { BackupId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { SetPart } from '@lifeboat/shared/domain/set.ts'
import type { Path } from '@lifeboat/shared/domain/timelines.ts'
import type { Lsn, Timeline } from '@lifeboat/shared/domain/wal.ts'

/** How long backups of one policy stay at one target. What any rule chooses stays; the rules are asked of proven backups only. */
export interface KeepRules {
  /** The newest so many. */
  last?: number | undefined
  /** The newest of each of the last so many hours, days, … that have a backup at all; days and longer as the zone has them. */
  hourly?: number | undefined
  daily?: number | undefined
  weekly?: number | undefined
  monthly?: number | undefined
  yearly?: number | undefined
  /** Milliseconds before the newest proven backup, not before now: a clock that jumps lets nothing go. */
  within?: number | undefined
  /** Milliseconds a copy stays whatever the rules say. */
  minAge: number
  zone: string
}

/** One backup as far as expiry needs it; see `candidateOf`. */
export interface Candidate {
  backupId: BackupId
  policyId: PolicyId
  kind: string
  /** Failed attempts are none of expiry's business and need not be listed. */
  sealed: boolean
  /** The moment it brings back, milliseconds. */
  atMs: number
  bytes: number
  /** Backups it cannot be restored without. */
  needs: readonly BackupId[]
  /** Of a member of a set. */
  set?: SetPart | undefined
  wal?: { timeline: Timeline; startLsn: Lsn; endLsn: Lsn } | undefined
  copies: readonly CandidateCopy[]
}

export interface CandidateCopy {
  targetId: TargetId
  /** `there`: whole as far as anybody knows · `bad`: disproven or damaged · `coming`: expected, not there yet */
  state: 'there' | 'bad' | 'coming'
  /** By a drill of this very copy. */
  proven: boolean
  storedMs?: number | undefined
  /** Until when the store refuses to remove it, as far as anybody was told. */
  lockedUntilMs?: number | undefined
}

/** An explicit stop: of one backup, of a policy or of a whole source. */
export interface HoldOn {
  sourceId: SourceId
  backupId?: BackupId | undefined
  by: string
  why: string
}

export interface ExpiryQuestion {
  sourceId: SourceId
  /** undefined: everything stays. */
  rulesOf(policyId: PolicyId, targetId: TargetId): KeepRules | undefined
  /** Every backup of the source that has a copy anywhere or will have one, in any order. */
  backups: readonly Candidate[]
  holds: readonly HoldOn[]
  /** Why copies stay for the sake of their sets, by `tieKey`; see sets.ts. */
  ties?: ReadonlyMap<string, readonly string[]> | undefined
  /** How far back every moment must be recoverable, milliseconds; undefined: all WAL stays. */
  walWindowMs?: number | undefined
  /** The way of the timeline the cluster is on now; undefined: not known, and no WAL goes. */
  walPath?: Path | undefined
  /** What stays while it is not known: every base that may lie on it, the default; or, where keeping means copying, the one the window begins with if all do. */
  whileWayUnknown?: 'keep-all' | 'keep-one'
  nowMs: number
  /** Why nothing may go: what is not known. Of everything, or of one target. */
  doubts: readonly string[]
  targetDoubts?: Readonly<Record<TargetId, readonly string[]>> | undefined
}

/** What is to become of one copy, and why. */
export interface CopyDecision {
  backupId: BackupId
  targetId: TargetId
  policyId: PolicyId
  kind: string
  atMs: number
  bytes: number
  do: 'keep' | 'let-go'
  /** Never empty. */
  reasons: string[]
  /** Only of what is to go and cannot yet: until when its store refuses to remove it. */
  lockedUntilMs?: number
}

/** What stays for want of knowledge says so by this. */
export const NOT_SURE = 'not sure enough: '

/** WAL at one target that recovery to any moment of the window does not need: everything that ends at or before `before`. */
export interface WalDecision {
  targetId: TargetId
  /** The base recovery to the oldest moment of the window begins with. */
  anchor: BackupId
  /** WAL of newer ones stays. */
  timeline: Timeline
  before: Lsn
}

export interface ExpiryDecision {
  sourceId: SourceId
  copies: CopyDecision[]
  wal: WalDecision[]
  /** Targets whose WAL all stays, and why. */
  walKept: { targetId: TargetId; reason: string }[]
}
