import { join } from 'node:path'
import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { output, program, since } from './programs.ts'
import { inNewDataDir, type Restorer, whileServed } from './restores.ts'

/** Schema the damaged table is moved to. */
export const DAMAGED = 'damaged'
const PATIENCE_MS = 600_000

export interface WantedTable {
  postgres: TestPostgres
  database: string
  table: string
  /** As of when, ISO 8601 in UTC. */
  moment: string
}

/**
 * What the runbook's level 2 says, with another tool: the cluster beside to the moment before, the damaged table out of the way, then the one from beside.
 *
 * @returns seconds until its rows are in
 */
export async function bringBackByHand(peer: Restorer, wanted: WantedTable): Promise<number> {
  const { postgres, database, table, moment } = wanted
  return inNewDataDir(async (place) => {
    const took = since()
    await peer.restore(place.dataDir, moment.replace('T', ' ').replace('Z', '+00'))
    // With what spares a server the most; of the original it would archive as well.
    const settings = { ...CARELESS, port: String(postgres.port), archive_mode: 'off' }
    return whileServed({ ...place, postgres: join(postgres.binDir, 'postgres') }, settings, async () => {
      const beside = [...session(postgres, place.folder), '--dbname', database]
      const live = [...session(postgres, postgres.socketDir), '--dbname', database]
      const psql = join(postgres.binDir, 'psql')
      const ask = ['-XqAt', '-c', 'SELECT pg_is_in_recovery()']
      await until(
        () => output(psql, [...beside, ...ask]),
        (told) => told === 'f',
        PATIENCE_MS,
      )
      const strictly = ['-X', '--quiet', '-v', 'ON_ERROR_STOP=1']
      const aside = [`CREATE SCHEMA ${DAMAGED}`, `ALTER TABLE ${table} SET SCHEMA ${DAMAGED}`]
      await program(psql, [...live, ...strictly, ...aside.flatMap((sql) => ['-c', sql])])
      const dump = [join(postgres.binDir, 'pg_dump'), ...beside, '--table', table]
      const load = [psql, ...live, ...strictly, '--single-transaction']
      const pipe = `"\${@:1:${dump.length}}" | "\${@:${dump.length + 1}}" > /dev/null`
      await program('bash', ['-euo', 'pipefail', '-c', pipe, 'bash', ...dump, ...load])
      return took()
    })
  })
}

function session({ port, user }: TestPostgres, socketDir: string): string[] {
  return ['--host', socketDir, '--port', String(port), '--username', user]
}

/** Waits until the server has archived everything written so far. */
export async function archived(postgres: TestPostgres): Promise<void> {
  const [{ last }] = await postgres.query('postgres', 'SELECT pg_walfile_name(pg_switch_wal()) AS last')
  await until(
    async () => (await postgres.query('postgres', 'SELECT last_archived_wal AS wal FROM pg_stat_archiver'))[0].wal,
    (wal) => wal !== null && wal >= last,
  )
}
