import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { parseHistory } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, type Lsn } from '@lifeboat/shared/domain/wal.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import type { Recovered } from './recover.ts'

const SESSION = { applicationName: 'lifeboat recovery', lockTimeoutMs: 60_000 }

export interface RecoveryProgress {
  state: 'replaying' | 'paused' | 'ended'
  lsn: Lsn | undefined
}

const PROGRESS = `
  select case when not pg_is_in_recovery() then 'ended' when pg_get_wal_replay_pause_state() = 'paused' then 'paused' else 'replaying' end as state,
         pg_last_wal_replay_lsn()::text as lsn`

/** undefined while the server does not let anybody in. @param holds it is told to stand still where it is */
export async function askProgress(connection: SourceConnection, holds = false): Promise<RecoveryProgress | undefined> {
  try {
    await using client = await connectSource(connection, SESSION)
    if (holds) await client.query('select pg_wal_replay_pause()')
    const { rows } = await client.query<{ state: RecoveryProgress['state']; lsn: Lsn | null }>(PROGRESS)
    return rows[0] && { state: rows[0].state, lsn: rows[0].lsn ?? undefined }
  } catch (thrown) {
    if (isPassing(thrown)) return undefined
    throw thrown
  }
}

/** While it starts, or has given up: then its process says why. */
const SILENT: ErrorCode[] = ['SOURCE_UNREACHABLE', 'SOURCE_CONNECTION_LOST']
/** Recovery that ends between two words of one question; a query the replay is in conflict with. */
const PASSING = ['55000', '40001']

function isPassing(thrown: unknown): boolean {
  return SILENT.includes(diagnoseSql(thrown).code) || PASSING.includes(String((thrown as { code?: unknown }).code))
}

/**
 * When a server promotes itself it writes down which timeline it left and where: that is where recovery ended. While it is paused it tells
 * the timeline of its last checkpoint record, which is the one it follows unless it passed a switch since.
 */
const REACHED = `
  select pg_is_in_recovery() as paused, pg_last_wal_replay_lsn()::text as lsn, pg_last_xact_replay_timestamp() as "lastCommitAt",
         (select timeline_id from pg_control_checkpoint()) as checkpoint,
         (select min_recovery_end_timeline from pg_control_recovery()) as recovered,
         case when pg_is_in_recovery() then null else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end as current`

interface Row {
  paused: boolean
  lsn: Lsn
  lastCommitAt: Date | null
  checkpoint: number
  recovered: number
  current: string | null
}

export async function reachedAt(connection: SourceConnection, dataDir: string): Promise<Recovered> {
  await using client = await connectSource(connection, SESSION)
  const { rows } = await client.query<Row>(REACHED)
  const row = rows[0] as Row
  const lastCommitAt = row.lastCommitAt ? moment(row.lastCommitAt.getTime()) : undefined
  if (row.current === null) return { lsn: row.lsn, timeline: Math.max(row.checkpoint, row.recovered), lastCommitAt }
  const text = await readFile(join(dataDir, 'pg_wal', `${row.current}.history`), 'utf8').catch(() => '')
  const left = parseHistory(Number.parseInt(row.current, 16), text).at(-1)
  return { lsn: left ? formatLsn(left.end) : row.lsn, timeline: left?.timeline ?? row.checkpoint, lastCommitAt }
}
