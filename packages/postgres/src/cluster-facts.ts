import type { ServerFacts } from '@lifeboat/shared/domain/manifest.ts'
import { parseLsn, type WalRange } from '@lifeboat/shared/domain/wal.ts'
import type { ClientBase } from 'pg'
import { diagnoseSql } from './diagnose.ts'
import { readServerFacts } from './server-facts.ts'

/** Where the server keeps its configuration, as it says itself. */
export interface ConfigPlaces {
  dataDirectory: string
  /** config_file, hba_file, ident_file and every file settings come from, without repetition. */
  files: string[]
}

export interface ClusterFacts {
  server: ServerFacts
  /** Of all databases the role may measure: those it may connect to, or all with pg_read_all_stats. */
  clusterBytes: number
  isStandby: boolean
  checksums: boolean
  segmentBytes: number
  /** Whether `summarize_wal` is on (PostgreSQL 17 on). */
  summarizing: boolean
  /** undefined: the role lacks pg_read_all_settings */
  config: ConfigPlaces | undefined
}

const FACTS = `
  select pg_is_in_recovery() as "isStandby", current_setting('data_checksums') = 'on' as checksums,
         (select setting::int from pg_settings where name = 'wal_segment_size') as "segmentBytes",
         coalesce(current_setting('summarize_wal', true) = 'on', false) as summarizing,
         (select coalesce(sum(pg_database_size(oid)), 0)::text from pg_database
           where has_database_privilege(oid, 'CONNECT') or pg_has_role('pg_read_all_stats', 'USAGE')) as "clusterBytes",
         (select setting from pg_settings where name = 'data_directory') as "dataDirectory",
         array(select setting from pg_settings where name in ('config_file', 'hba_file', 'ident_file') and setting <> ''
               union select sourcefile from pg_settings where sourcefile is not null) as files`

type Row = Omit<ClusterFacts, 'server' | 'clusterBytes' | 'config'> & {
  clusterBytes: string
  dataDirectory: string | null
  files: string[]
}

/**
 * What the cluster looks like now, as far as any role may see it.
 *
 * @throws LifeboatError SOURCE_VERSION_UNSUPPORTED | SOURCE_RIGHTS_MISSING | SOURCE_CONNECTION_LOST
 */
export async function readClusterFacts(client: ClientBase): Promise<ClusterFacts> {
  const { server } = await readServerFacts(client)
  const { rows } = await client.query<Row>(FACTS).catch((err: unknown) => {
    throw diagnoseSql(err)
  })
  const { clusterBytes, dataDirectory, files, ...facts } = rows[0] as Row
  const config = dataDirectory === null ? undefined : { dataDirectory, files }
  return { ...facts, server, clusterBytes: Number(clusterBytes), config }
}

/**
 * The WAL summaries the server has, in no order (PostgreSQL 17 on).
 *
 * @throws LifeboatError SOURCE_CONNECTION_LOST
 */
export async function readSummaries(client: ClientBase): Promise<WalRange[]> {
  const sql =
    'select tli::int as timeline, start_lsn::text as start, end_lsn::text as "end" from pg_available_wal_summaries()'
  const { rows } = await client.query<{ timeline: number; start: string; end: string }>(sql).catch((err: unknown) => {
    throw diagnoseSql(err)
  })
  return rows.map(({ timeline, start, end }) => ({ timeline, start: parseLsn(start), end: parseLsn(end) }))
}
