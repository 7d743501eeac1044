import { formatLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Road } from './road.ts'

/** The server lets nobody in: it starts, or it stops. */
const CANNOT_CONNECT_NOW = '57P03'

export interface HangUp {
  /** The server answered. */
  answered(): void
  /** It did not, and said this. */
  refused(err: LifeboatError): void
}

/**
 * Lets a server stop. One that is told to waits, without end, until its last WAL is reported as flushed, which is when enough targets hold it. While
 * they are away we hang up after a while: the server ends, its slot keeps what is not safe, and the agent goes on there when it is back.
 *
 * That it stops shows by a server which answered before and lets nobody in any more while our stream still stands.
 *
 * @see src/backend/replication/walsender.c, WalSndDone – waits until everything sent is confirmed as flushed
 */
export function openHangUp({ now, wal, log, slot }: Road, clockMs: () => number = () => performance.now()): HangUp {
  let answers = false
  let sinceMs: number | undefined
  return {
    answered() {
      answers = true
      sinceMs = undefined
    },
    refused({ facts }) {
      const stops = answers && facts.sqlState === CANNOT_CONNECT_NOW && now.stream !== undefined
      if (!stops) return
      const notSafe = { serverLsn: formatLsn(now.serverLsn), safe: formatLsn(now.standing?.holders.safe ?? 0n) }
      if (sinceMs === undefined) {
        sinceMs = clockMs()
        log.warn(
          { event: 'wal.server-stops', slot, ...notSafe, letGoAfterMs: wal.letGoAfter },
          'the server stops and waits for its last WAL to be off-site',
        )
      }
      if (clockMs() - sinceMs < wal.letGoAfter) return
      // Answers of this server count anew once it is back.
      answers = false
      sinceMs = undefined
      log.warn(
        { event: 'wal.let-go', slot, ...notSafe },
        'hung up so that the server can stop; its slot keeps the WAL that is not off-site',
      )
      const message = `hung up: the server was to stop and waited for ${formatDuration(wal.letGoAfter)}`
      now.hangUp(new LifeboatError('SOURCE_CONNECTION_LOST', { message }))
    },
  }
}
