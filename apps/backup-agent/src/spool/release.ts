import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { MANIFEST, partName } from './files.ts'
import type { Spool } from './spool.ts'

/** A target holds a part; when enough do, the part leaves the spool. Told twice it changes nothing. */
export async function releasePart(
  spool: Spool,
  stored: { backupId: BackupId; artifact: string; partNo: number; targetId: TargetId },
): Promise<boolean> {
  const spooled = spool.get(stored.backupId)
  if (spooled === undefined) return false
  const file = partName(stored.artifact, stored.partNo)
  const holders = await spool.noteHolder(spooled, file, stored.targetId)
  if (holders.size < spooled.attempt.requiredCopies) return false
  await spool.remove(spooled, file)
  return true
}

/** A target holds a complete copy; when enough do, nothing of the backup stays here. */
export async function releaseBackup(
  spool: Spool,
  stored: { backupId: BackupId; targetId: TargetId },
): Promise<boolean> {
  const spooled = spool.get(stored.backupId)
  if (spooled === undefined) return false
  const holders = await spool.noteHolder(spooled, MANIFEST, stored.targetId)
  if (holders.size < spooled.attempt.requiredCopies) return false
  await spool.drop(spooled)
  return true
}
