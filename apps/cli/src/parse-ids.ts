import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { BackupId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** @throws LifeboatError BACKUP_UNKNOWN – also for what is no backup id at all */
export async function findBackup(catalog: Pick<Catalog, 'get'>, given: string): Promise<BackupRecord> {
  const id = BackupId.safeParse(given)
  const record = id.success ? await catalog.get(id.data) : undefined
  if (!record) throw new LifeboatError('BACKUP_UNKNOWN', { backupId: given })
  return record
}
