import type { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { Ledger } from '@lifeboat/catalog/ledger.ts'
import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import type { WalConfig } from '@lifeboat/config/schema/wal.ts'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { WalStream } from '@lifeboat/postgres/replication/wal-stream.ts'
import type { WalDisk } from '@lifeboat/postgres/wal-disk.ts'
import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import type { WalRefused } from '@lifeboat/shared/bus/messages/wal.ts'
import type { AgentId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Path } from '@lifeboat/shared/domain/timelines.ts'
import type { Timeline, WalState } from '@lifeboat/shared/domain/wal.ts'
import type { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Footings } from '@lifeboat/shared/service/footings.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Events } from '../events.ts'
import type { Door } from './door.ts'
import type { Growth } from './growth.ts'
import type { Holders } from './holders.ts'
import type { Moments } from './moments.ts'
import type { Seams } from './seams.ts'
import type { SegmentMemory } from './segment-memory.ts'
import type { Cluster, Shipper } from './shipper.ts'
import type { WalSpool } from './wal-spool.ts'

/** What stays the same while the WAL of one source is kept. */
export interface RoadSettings {
  readonly sourceId: SourceId
  readonly agentId: AgentId
  /** Replication slot, application name. */
  readonly slot: string
  readonly wal: WalConfig
  /** Public age keys. */
  readonly recipients: readonly string[]
  readonly connection: SourceConnection
  readonly replication: SourceConnection
  /** By which all of them log in. */
  readonly door: Door
  /** Policies that take bases of this source. */
  readonly basePolicies: readonly { policyId: PolicyId; policy: PolicyConfig }[]
  readonly bus: Bus
  readonly bucket: Bucket<WalState>
  readonly catalog: Pick<KvCatalog, 'summary'>
  readonly ledger: Ledger
  readonly spool: WalSpool
  readonly shipper: Shipper
  readonly memory: SegmentMemory
  readonly events: Events
  /** Hear of a login that came through again. */
  readonly footings: Pick<Footings, 'lookNow'>
  readonly clock: Clock
  readonly log: Logger
  /** Fires when the agent stops. */
  readonly signal: AbortSignal
}

/** A place the targets stand at, once the server was met. */
export interface Standing extends Cluster {
  path: Path
  /** Of timelines, as the server handed them out. */
  histories: Map<Timeline, Buffer>
  holders: Holders
}

/** What is known right now; one part of the road writes each field, all may read. */
export interface RoadNow {
  /** As an earlier process left it in the bucket. */
  readonly known: WalState | undefined
  standing: Standing | undefined
  /** Up to when what a position holds is everything. */
  readonly moments: Moments
  /** The same for heartbeats. */
  readonly beats: Moments
  /** How segments began that may be received again. */
  readonly seams: Seams
  receivedLsn: bigint
  serverLsn: bigint
  retainedBytes: number
  /** Of what the slot keeps. */
  readonly growth: Growth
  /** The disk of pg_wal; undefined: not looked at yet. */
  disk: WalDisk | undefined
  /** Its max_slot_wal_keep_size, bytes; undefined: none, or not asked yet. */
  serverKeeps: number | undefined
  /** The stream while there is one. */
  stream: WalStream | undefined
  /** Ends the listening to what targets say; another one follows. */
  listening: AbortController
  /** Ends the present connection with a reason; a new one follows. */
  hangUp: (reason: LifeboatError) => void
  /** Why no WAL arrives. */
  failure: LifeboatError | undefined
  /** Why what arrived cannot be shipped. */
  unshipped: LifeboatError | undefined
  /** Targets that refuse this cluster. */
  readonly refusals: Map<TargetId, { error: WalRefused['error']; atMs: number }>
  /** Targets that said that they take WAL without its MD5. */
  readonly withoutMd5: Set<TargetId>
  /** When each target last took something. */
  readonly tookAt: Map<TargetId, number>
  lost: WalState['lost']
  begun: WalState['begun']
  /** Why the slot is not the one we left. */
  slotReason: string | undefined
  /** The slot is to be dropped, because of this. */
  giveUp: string | undefined
}

export interface Road extends RoadSettings {
  readonly now: RoadNow
}
