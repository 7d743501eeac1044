import { setTimeout as pause } from 'node:timers/promises'
import { connectSource, cutOn, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { ensureHeartbeat, heartbeatTable } from '@lifeboat/postgres/heartbeat.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Moments } from './moments.ts'
import type { Road } from './road.ts'

/**
 * Writes one row every few seconds: recovery can stop at any moment of an idle database, and the row it finds proves which one it reached.
 *
 * What fails is logged once and tried again; nothing else depends on it.
 */
export async function beatHeart(road: Road): Promise<void> {
  const { heartbeat } = road.wal
  const { signal, log } = road
  if (!heartbeat.enabled) return
  let client: SourceClient | undefined
  let said = false
  for (; !signal.aborted; await pause(heartbeat.every, undefined, { signal }).catch(() => {})) {
    try {
      client ??= await openHeart(road)
      using _cut = cutOn(signal, client)
      await beat(road, client)
      if (said) log.info({ event: 'wal.heartbeat' }, 'the heartbeat is written again')
      said = false
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      if (!said)
        log.warn({ event: 'wal.no-heartbeat', err }, 'no heartbeat can be written; see `lifeboat source check`')
      said = true
      await client?.[Symbol.asyncDispose]()
      client = undefined
    }
  }
  await client?.[Symbol.asyncDispose]()
}

async function openHeart({ door, connection, slot, wal }: Road): Promise<SourceClient> {
  const session = { applicationName: `${slot} heartbeat`, lockTimeoutMs: 5_000 }
  const client = await door.enter('session', () => connectSource(connection, session))
  // It must not wait for the very targets whose lag it shows.
  await client.query('SET synchronous_commit = local')
  await ensureHeartbeat(client, wal.heartbeat.schema)
  return client
}

async function beat({ now, wal }: Road, client: SourceClient): Promise<void> {
  const table = heartbeatTable(wal.heartbeat.schema)
  const { rows } = await client.query<{ was: Date | null; is: Date }>(
    `WITH known AS (SELECT beat_at FROM ${table} WHERE id = 1)
     INSERT INTO ${table} AS h (id, beat_at, beat) VALUES (1, clock_timestamp(), 1)
     ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, beat = h.beat + 1
     RETURNING beat_at AS is, (SELECT beat_at FROM known) AS was`,
  )
  const end = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  const [row] = rows
  const [at] = end.rows
  if (row !== undefined && at !== undefined)
    noteBeat(now.beats, { lsn: parseLsn(at.lsn), wasMs: row.was?.getTime(), isMs: row.is.getTime() })
}

/**
 * Notes a heartbeat and forgets the ones before where they are not in this database, which then is another one under the same name, or where the
 * clock of the server went back: whoever recovers would look for a row that is not there. Pure.
 */
export function noteBeat(
  beats: Pick<Moments, 'newest' | 'clear' | 'note'>,
  { lsn, wasMs, isMs }: { lsn: bigint; wasMs: number | undefined; isMs: number },
): void {
  const { newest } = beats
  if (newest !== undefined && ((wasMs ?? 0) < newest || isMs < newest)) beats.clear()
  beats.note(lsn, isMs)
}
