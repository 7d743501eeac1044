import type { BackupId, BackupKind, Moment } from '@lifeboat/shared/domain/ids.ts'
import type { PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'

/** What planning needs to know of a base or an incremental: a record of the catalogue or a manifest will do. */
export interface PhysicalBackup {
  backupId: BackupId
  kind: BackupKind
  startedAt: Moment
  /** When it ended. */
  snapshotAt: Moment
  physical: PhysicalFacts
}

/** A full base and its incrementals, oldest first; the last one is the backup that is wanted. */
export type Chain = readonly [PhysicalBackup, ...PhysicalBackup[]]

export type ChainAnswer = { chain: Chain } | { missing: BackupId; child: BackupId }

/** Follows the parents of a backup to its full base. A circle or another cluster's numbers are as good as a parent that is not there. */
export function chainOf(last: PhysicalBackup, backups: readonly PhysicalBackup[]): ChainAnswer {
  const byId = new Map(backups.map((backup) => [backup.backupId, backup]))
  let chain: Chain = [last]
  for (let parent = chain[0].physical.parent; parent !== undefined; parent = chain[0].physical.parent) {
    const found = byId.get(parent)
    if (!found || chain.includes(found)) return { missing: parent, child: chain[0].backupId }
    chain = [found, ...chain]
  }
  return { chain }
}

export function lastOf(chain: Chain): PhysicalBackup {
  return chain.at(-1) as PhysicalBackup
}
