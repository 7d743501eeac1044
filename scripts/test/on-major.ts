import { debianRoot } from './debian-root.ts'
import { type Ended, runVitest } from './run-vitest.ts'

/** Every suite whose answer depends on the PostgreSQL major, and what the newer NATS in those roots could answer otherwise. */
export const ALL_SUITES = [
  'packages/shared/test/bus',
  'packages/postgres',
  'packages/recovery',
  'apps/backup-agent',
  'apps/verifier',
  'apps/cli/test/recover-chain',
  'apps/cli/test/recover-cluster',
  'e2e/incrementals',
  'e2e/lost-rows',
  'e2e/recover-by-hand',
  'e2e/restore-cluster',
]

/**
 * Those of them that CI runs on each further major: one dump from source to verdict and back, table exports, what physical backups, WAL, recovery and
 * restores of clusters and tables ask of the server, and through all services incrementals, rows that were lost, a restored cluster and the
 * pages for a recovery by hand. Of the others nobody asks on 17 and 18 but who runs `pnpm test:postgres`. Vitest takes each as a part of a path.
 */
export const STORIES = [
  'packages/shared/test/bus',
  'packages/postgres/test/find-tools',
  'packages/postgres/test/fingerprint',
  'packages/postgres/test/check-source',
  'packages/postgres/test/list-relations',
  'packages/postgres/test/replication',
  'packages/postgres/test/tls',
  'packages/recovery/test',
  'apps/backup-agent/test/tables.int',
  'apps/backup-agent/test/tables-restore.int',
  'apps/backup-agent/test/tables-restore-refused',
  'apps/backup-agent/test/tables-restore-periods',
  'apps/backup-agent/test/tables-out-of-dump',
  'apps/backup-agent/test/tables-as-of',
  'apps/backup-agent/test/take-backup',
  'apps/backup-agent/test/base.int',
  'apps/backup-agent/test/base-bad-days',
  'apps/backup-agent/test/base-foreign',
  'apps/backup-agent/test/base-killed',
  'apps/backup-agent/test/relations',
  'apps/backup-agent/test/restore.int',
  'apps/backup-agent/test/restore-refused',
  'apps/backup-agent/test/restore-in-place',
  'apps/backup-agent/test/cluster-beside',
  'apps/backup-agent/test/cluster-chain',
  'apps/backup-agent/test/cluster-in-place',
  'apps/backup-agent/test/cluster-wal',
  'apps/backup-agent/test/incremental',
  'apps/backup-agent/test/wal-heartbeat',
  'apps/backup-agent/test/wal-lost',
  'apps/backup-agent/test/wal-removed',
  'apps/backup-agent/test/wal-shutdown',
  'apps/backup-agent/test/wal-survives',
  'apps/backup-agent/test/wal-targets',
  'apps/backup-agent/test/wal-timeline',
  'apps/verifier/test/proven',
  'apps/verifier/test/physical',
  'apps/verifier/test/tables',
  'apps/cli/test/recover-chain',
  'apps/cli/test/recover-cluster',
  'e2e/incrementals',
  'e2e/lost-rows',
  'e2e/recover-by-hand',
  'e2e/restore-cluster',
]

/** Runs suites inside a Debian root that has this PostgreSQL major; `notRun` says why that cannot be. */
export async function runOnMajor(major: string, filters: readonly string[]): Promise<Ended | { notRun: string }> {
  try {
    return await runVitest(['--project', 'int', '--project', 'e2e', ...filters], {
      enter: debianRoot(major),
      shared: '.cache',
    })
  } catch (thrown) {
    return { notRun: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}
