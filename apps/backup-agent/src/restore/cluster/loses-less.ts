import type { PlannedCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import type { PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { isOnPath } from '@lifeboat/shared/domain/timelines.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'

/** How much of what was committed before its goal one way of recovering a cluster brings back. */
export interface ClusterReach {
  systemIdentifier: string
  /** When the last backup of this cluster ended. */
  backedUpAt: Moment
  /** When the backup ended that recovery begins with. */
  endedAt: Moment
  /** The WAL that is replayed; `whole`: its end surely lies behind the goal. */
  wal: { timeline: number; end: bigint; whole: boolean } | undefined
}

/**
 * @param usable backups of the cluster at that target, oldest first: one that was begun after a time, and whose end the WAL leads to, proves that the time lies
 *   before the end of that WAL
 */
export function reachOf(
  { chain, plan }: Pick<PlannedCluster, 'chain' | 'plan'>,
  usable: readonly PhysicalManifest[],
): ClusterReach {
  const { server, snapshotAt: endedAt } = chain.at(-1) as PhysicalManifest
  const backedUpAt = usable.at(-1)?.snapshotAt ?? endedAt
  const about = { systemIdentifier: server.systemIdentifier, backedUpAt, endedAt }
  const { goal, wal, timeline } = plan
  if (!wal || timeline === 'current') return { ...about, wal: undefined }
  const end = parseLsn(wal.end)
  const isBehind = ({ startedAt, physical }: PhysicalManifest) => {
    const endLsn = parseLsn(physical.endLsn)
    return goal.to === 'time' && startedAt > goal.time && endLsn <= end && isOnPath(wal.path, physical.timeline, endLsn)
  }
  return { ...about, wal: { timeline, end, whole: goal.to === 'lsn' || usable.some(isBehind) } }
}

/** Whether one way brings back what the other does not: the cluster that was backed up last, the newest timeline, as far as WAL leads. */
export function losesLess(one: ClusterReach, than: ClusterReach): boolean {
  if (one.systemIdentifier !== than.systemIdentifier) return one.backedUpAt > than.backedUpAt
  if (!one.wal || !than.wal) return one.endedAt > than.endedAt
  if (one.wal.timeline !== than.wal.timeline) return one.wal.timeline > than.wal.timeline
  return !than.wal.whole && one.wal.end > than.wal.end
}
