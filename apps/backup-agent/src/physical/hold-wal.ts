import type { ReplicationConnection } from '@lifeboat/postgres/replication/connection.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BackupRun } from '../backup-run.ts'

/**
 * Makes a slot that lives as long as the connection and keeps WAL from now on, so that a slow backup does not find at its end that the server has
 * removed the beginning.
 *
 * A server that has no slot left gives the backup without; it then depends on wal_keep_size, as a plain pg_basebackup does.
 */
export async function holdWal(
  run: Pick<BackupRun, 'log'>,
  connection: ReplicationConnection,
  backupId: BackupId,
): Promise<void> {
  const name = `lifeboat_${backupId.toLowerCase().replaceAll(/[^a-z0-9]/g, '_')}`
  try {
    await connection.run(`CREATE_REPLICATION_SLOT ${quoteIdent(name)} TEMPORARY PHYSICAL (RESERVE_WAL)`)
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    if (err.code !== 'WAL_SLOTS_EXHAUSTED') throw err
    run.log.warn({ event: 'backup.wal_not_held', err }, 'no slot is free to keep WAL during the backup')
  }
}
