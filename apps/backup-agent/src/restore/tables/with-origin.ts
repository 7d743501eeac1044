import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { dumpOrigin } from '@lifeboat/recovery/tables/dump-origin.ts'
import { exportOrigin, type TableOrigin } from '@lifeboat/recovery/tables/origin.ts'
import { outOfCluster } from '@lifeboat/recovery/tables/out-of-cluster.ts'
import type { TablesOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Extent } from '@lifeboat/shared/domain/restore-tables.ts'
import { removeApart } from '../cluster/recover-apart.ts'
import type { Command } from '../command.ts'
import type { FoundBackup } from './find-backup.ts'
import { clusterFolder } from './find-cluster.ts'
import { scratchName } from './site.ts'

/** Makes whatever is needed to read the tables of a backup, and removes it when they were read. @param use `extent` only of a physical one */
export async function withOrigin<T>(
  command: Command & { order: TablesOrder<'restore'> },
  { from, manifest, fingerprint, cluster }: FoundBackup,
  reader: Reader,
  use: (origin: TableOrigin, extent?: Extent) => Promise<T>,
): Promise<T> {
  const { order, server, database, report } = command
  const { tables: wanted, sourceId } = order
  if (cluster) {
    const folder = clusterFolder(command, sourceId)
    await mkdir(dirname(folder), { recursive: true, mode: 0o755 })
    const how = { folder, account: serverAccount(), database, wanted, onPhase: report }
    try {
      return await outOfCluster(reader, cluster, how, use)
    } finally {
      await removeApart(folder)
    }
  }
  const name = scratchName(command)
  await using origin =
    from === 'export'
      ? await exportOrigin(reader, manifest, wanted)
      : await dumpOrigin(reader, { manifest, fingerprint }, { server, database, name }, wanted, report)
  return await use(origin)
}
