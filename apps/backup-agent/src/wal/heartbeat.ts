import { setTimeout as pause } from 'node:timers/promises'
import { connectSource, cutOn, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { ensureHeartbeat, heartbeatTable } from '@lifeboat/postgres/heartbeat.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
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
  const { rows } = await client.query<{ beat_at: Date }>(
    `INSERT INTO ${heartbeatTable(wal.heartbeat.schema)} AS h (id, beat_at, beat) VALUES (1, clock_timestamp(), 1)
     ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, beat = h.beat + 1 RETURNING beat_at`,
  )
  const end = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  const [row] = rows
  const [at] = end.rows
  if (row !== undefined && at !== undefined) now.beats.note(parseLsn(at.lsn), row.beat_at.getTime())
}
