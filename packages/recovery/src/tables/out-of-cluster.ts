import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { PlannedCluster } from '../bare/plan-cluster.ts'
import { recoverCluster } from '../bare/recover-cluster.ts'
import type { Reader } from '../fetch/reader.ts'
import { databaseOrigin } from './database-origin.ts'
import type { TableOrigin } from './origin.ts'

export interface OutOfCluster {
  /** Empty or not there yet; empty again in the end. */
  folder: string
  account: Account
  database: string
  wanted: readonly TableRef[]
  onPhase: (phase: string) => void
}

/**
 * Tables as of a moment: recovers the cluster into a folder, and lets them be read while it stands still at its goal. Then it is thrown away.
 *
 * @throws LifeboatError RESTORE_TABLE_ABSENT | RECOVERY_… | ARTIFACT_… | WAL_… | TARGET_… | TOOL_…; what `use` throws
 */
export async function outOfCluster<T>(
  reader: Reader,
  planned: PlannedCluster,
  { folder, account, database, wanted, onPhase }: OutOfCluster,
  use: (origin: TableOrigin) => Promise<T>,
): Promise<T> {
  const used: T[] = []
  await recoverCluster(reader, planned, {
    ...{ folder, account, start: false, onPhase },
    async inspect({ connection }) {
      onPhase('measure')
      await using origin = await databaseOrigin({ ...connection, database }, { wanted, logged: true }, reader.run)
      used.push(await use(origin))
      return 'discard'
    },
  })
  if (used.length === 0) throw new LifeboatError('INTERNAL', { message: 'nobody was let in to look' })
  return used[0] as T
}
