import { setTimeout as pause } from 'node:timers/promises'
import { connectSource, cutOn, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { lookAtWalDisk } from '@lifeboat/postgres/wal-disk.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { askForBase, forgetHealedHole } from './anew.ts'
import { openHangUp } from './hang-up.ts'
import { higher } from './holders.ts'
import type { Road } from './road.ts'
import { judgeSlot } from './slot-rules.ts'

const LOOK_EVERY_MS = 2_000
/** How often whether a hole was healed. */
const HEALED_EVERY_MS = 30_000
/** How often how much room there is. */
const DISK_EVERY_MS = 10_000

/** The end of WAL first, the time before it: nothing was written beyond it by then. */
const LOOK = `
  select statement_timestamp() as at, w.lsn::text as lsn, s.wal_status as "walStatus",
         greatest(pg_wal_lsn_diff(w.lsn, s.restart_lsn), 0)::float8 as "retainedBytes",
         nullif(pg_size_bytes(current_setting('max_slot_wal_keep_size')), -1)::float8 as "serverKeeps"
    from (select case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                      else pg_current_wal_flush_lsn() end as lsn) w
    left join pg_replication_slots s on s.slot_name = $1`

interface Look {
  at: Date
  lsn: string | null
  walStatus: string | null
  retainedBytes: number | null
  serverKeeps: number | null
}

/** Watches what the slot costs the server, for as long as the agent lives, on a connection of its own. */
export async function guardSlot(road: Road): Promise<void> {
  const { signal, log, footings, sourceId } = road
  let client: SourceClient | undefined
  let said = false
  const hangUp = openHangUp(road)
  let diskAt = Number.NEGATIVE_INFINITY
  for (let healedAt = 0; !signal.aborted; await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})) {
    try {
      client ??= await openGuard(road)
      using _cut = cutOn(signal, client)
      await look(road, client)
      hangUp.answered()
      if (performance.now() - diskAt >= DISK_EVERY_MS) {
        diskAt = performance.now()
        await lookAtRoom(road, client)
      }
      if (said) footings.lookNow({ part: 'source', name: sourceId })
      said = false
      if (performance.now() - healedAt < HEALED_EVERY_MS) continue
      healedAt = performance.now()
      await forgetHealedHole(road)
      await askForBase(road)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      hangUp.refused(err)
      if (!said) log.warn({ event: 'wal.unguarded', err }, 'what the slot keeps back cannot be asked right now')
      said = true
      await client?.[Symbol.asyncDispose]()
      client = undefined
    }
  }
  await client?.[Symbol.asyncDispose]()
}

function openGuard({ door, connection, slot }: Road): Promise<SourceClient> {
  const session = { applicationName: `${slot} guard`, lockTimeoutMs: 5_000 }
  return door.enter('session', () => connectSource(connection, session))
}

async function look(road: Road, client: SourceClient): Promise<void> {
  const { now, wal, slot, log } = road
  const [found] = (await client.query<Look>(LOOK, [slot])).rows
  if (found?.lsn == null) return
  const lsn = parseLsn(found.lsn)
  now.serverLsn = higher(now.serverLsn, lsn)
  now.moments.note(lsn, found.at.getTime())
  now.retainedBytes = Math.round(found.retainedBytes ?? 0)
  now.growth.note(now.retainedBytes, road.clock.now())
  now.serverKeeps = found.serverKeeps ?? undefined
  if (found.walStatus === null || now.giveUp !== undefined || now.standing === undefined) return
  const judged = judgeSlot({ retainedBytes: now.retainedBytes, walStatus: found.walStatus }, wal.retained)
  if (judged.verdict === 'fine') return
  const { reason } = judged
  now.giveUp = reason
  log.error({ event: 'wal.giving-up', slot, retainedBytes: now.retainedBytes, reason }, 'gives the replication slot up')
  now.hangUp(new LifeboatError('WAL_SLOT_GIVEN_UP', { slot, retainedBytes: now.retainedBytes, reason }))
}

async function lookAtRoom({ now, log }: Road, client: SourceClient): Promise<void> {
  const before = now.disk
  const disk = await lookAtWalDisk(client)
  now.disk = disk
  if ('unknown' in disk && !(before !== undefined && 'unknown' in before))
    log.info({ event: 'wal.disk_unseen', reason: disk.unknown }, 'the disk of pg_wal cannot be seen from here')
}
