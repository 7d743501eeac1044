import type { BackupRow } from '@lifeboat/catalog/catalog.ts'

/** Whether a backup holds only what changed: it is as small as that, and says nothing about the size of the source. */
export function isPartial({ kind, files }: BackupRow): boolean {
  return kind === 'incremental' || (files?.chain ?? 0) > 0
}
