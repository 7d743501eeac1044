import { type ClusterFacts, readClusterFacts, readSummaries } from '@lifeboat/postgres/cluster-facts.ts'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { connectReplication } from '@lifeboat/postgres/replication/connection.ts'
import type { Timeline, WalRange } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BackupRun } from '../backup-run.ts'

export interface Cluster extends ClusterFacts {
  timeline: Timeline
  /** Only asked for where an incremental backup is wanted. */
  summaries: WalRange[]
}

/** Major version of PostgreSQL. */
export const FIRST_WITH_INCREMENTALS = 17
const LOCK_TIMEOUT_MS = 60_000

/**
 * Looks at the cluster by SQL and through a WAL sender.
 *
 * @param incremental whether one is wanted
 * @throws LifeboatError BASE_INCREMENTAL_UNSUPPORTED | SOURCE_REPLICATION_REFUSED | SOURCE_REPLICATION_OFF | SOURCE_UNREACHABLE | SOURCE_…
 */
export async function inspectCluster(run: BackupRun, { incremental }: { incremental: boolean }): Promise<Cluster> {
  const { connection, replication } = run.source
  const session = { applicationName: `${run.applicationName} inspect`, lockTimeoutMs: LOCK_TIMEOUT_MS }
  await using client = await connectSource(connection, session)
  const facts = await readClusterFacts(client)
  const { major, version } = facts.server
  if (incremental && major < FIRST_WITH_INCREMENTALS)
    throw new LifeboatError('BASE_INCREMENTAL_UNSUPPORTED', { version })
  const summaries = incremental ? await readSummaries(client) : []
  await using sender = await connectReplication(replication, session)
  const { systemIdentifier, timeline } = await sender.identifySystem()
  if (systemIdentifier !== facts.server.systemIdentifier) {
    const expected = `the cluster ${facts.server.systemIdentifier}`
    throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', { expected, got: systemIdentifier })
  }
  return { ...facts, timeline, summaries }
}
