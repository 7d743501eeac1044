import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { RestoreId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { FilesHooks } from '@lifeboat/shared/domain/restore.ts'
import type { WalReach } from '@lifeboat/shared/domain/wal.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AgentConfig } from '../config.ts'
import type { AskOptions } from './ask-targets.ts'
import type { CopyWanted } from './choose-copy.ts'
import type { Restorable } from './restorable.ts'

/** What every plan of a restore is made from. */
export interface Planning<Of = Restorable> {
  cfg: AgentConfig
  of: Of
  sourceId: SourceId
  hooks: FilesHooks
  /** `later`: the plan is made before anybody gave the key. */
  key: 'here' | 'later'
  clock: Clock
}

/** Of one that finds its copy itself. */
export interface FindingPlan<Wish> extends Planning, CopyWanted {
  restoreId: RestoreId
  wish: Wish
  reader: (target: Target) => Reader
  /** For how long one target may keep whoever waits for the plan from another; default without end. */
  patienceMs?: number | undefined
  awaiting?: AskOptions['awaiting']
  onWait?: AskOptions['onWait']
  /** How far the WAL has to lead at least: what was signed. */
  promised?: WalReach | undefined
}
