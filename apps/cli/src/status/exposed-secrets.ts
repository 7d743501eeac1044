import type { BackupRow, SourceSummary } from '@lifeboat/catalog/catalog.ts'
import type { ExposedSecrets } from './status.ts'

/** Of the newest chain of files: an incremental holds what changed, so what is exposed may stand in the full one alone. */
export function exposedSecrets(summary: Pick<SourceSummary, 'recent'> | undefined): ExposedSecrets | undefined {
  const trees = (summary?.recent ?? []).filter(
    (row): row is BackupRow & Required<Pick<BackupRow, 'files'>> => !!row.files,
  )
  const full = trees.findIndex(({ files }) => files.chain === 0)
  const chain = full < 0 ? trees : trees.slice(0, full + 1)
  const found = chain.find(({ files }) => files.exposedSecrets > 0)
  return found && { backupId: found.backupId, count: found.files.exposedSecrets }
}
