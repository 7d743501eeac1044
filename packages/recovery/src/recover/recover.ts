import type { ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import { hasEnded, isReady, type ServerPlan, spawnServer, stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, type Lsn, parseLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { RecoveryPlan } from '../plan/plan.ts'
import type { WalGetter } from '../wal/wal-getter.ts'
import { askProgress, reachedAt } from './ask-server.ts'
import { diagnoseEnd } from './diagnose-end.ts'
import { leastEndOf } from './least-end.ts'
import type { AtGoal } from './recovery-settings.ts'

/** Where recovery ended. */
export interface Recovered {
  /** End of the last record replayed. */
  lsn: Lsn
  /** That record's timeline. */
  timeline: Timeline
  /** Of the last transaction replayed; undefined when there was none. */
  lastCommitAt: Moment | undefined
}

export interface RecoverOptions {
  plan: Pick<RecoveryPlan, 'goal' | 'wal'>
  server: ServerPlan
  /** As a superuser of the cluster, to any database of it. */
  connection: SourceConnection
  /** `shutdown` ends the server: this waits for one that answers. */
  atGoal: Exclude<AtGoal, 'shutdown'>
  /** undefined when the backup's own WAL is enough. */
  getter: WalGetter | undefined
  /** It waits at the end of its WAL, without a goal that would make it stand still: it is told to. */
  holds?: boolean | undefined
}

/** Soon at first, and the longer it takes the more seldom: a look at a server that lets somebody in is a new connection. Whether it does is a look at a file. */
const LOOK = { shortestMs: 10, longestMs: 100, share: 0.05 }

/**
 * Starts a server on a prepared cluster and waits until it has reached its goal: paused there, or promoted to a timeline of its own.
 *
 * The server lives on; whoever called stops it. When this throws it has been stopped.
 *
 * @throws LifeboatError RECOVERY_ENDED_EARLY | RECOVERY_REFUSED | WAL_… (why the archive could not give what was asked) | RECOVERY_DISK_FULL
 */
export async function recover(opts: RecoverOptions): Promise<{ server: ChildProcess; recovered: Recovered }> {
  const server = await spawnServer(opts.server)
  try {
    await whenReached(server, opts)
    opts.getter?.rest()
    const recovered = await reachedAt(opts.connection, opts.server.dataDir)
    await demandWholeArchive(recovered, opts)
    return { server, recovered }
  } catch (thrown) {
    await stopServer(server, 'immediate')
    opts.server.signal.throwIfAborted()
    throw thrown
  }
}

async function whenReached(server: ChildProcess, opts: RecoverOptions): Promise<void> {
  const { dataDir, signal } = opts.server
  let letsIn: number | undefined
  for (;;) {
    signal.throwIfAborted()
    if (hasEnded(server)) throw await diagnoseEnd(opts)
    if (await isReady(server, dataDir)) {
      letsIn ??= performance.now()
      const progress = await askProgress(opts.connection, opts.holds)
      if (progress?.state === (opts.atGoal === 'pause' && opts.plan.goal.to !== 'latest' ? 'paused' : 'ended')) return
    }
    const patience = letsIn === undefined ? 0 : (performance.now() - letsIn) * LOOK.share
    await pause(Math.min(LOOK.longestMs, Math.max(LOOK.shortestMs, patience)))
  }
}

/** To the end of the archive PostgreSQL goes without a goal it could miss: a record that it cannot read ends recovery in silence, as the true end does. */
async function demandWholeArchive({ lsn, lastCommitAt }: Recovered, { plan, getter }: RecoverOptions): Promise<void> {
  const { goal, wal } = plan
  if (goal.to !== 'latest' || !wal || !getter || parseLsn(lsn) >= parseLsn(wal.end)) return
  const least = await leastEndOf(wal, getter)
  if (parseLsn(lsn) >= least) return
  const where = { reached: lsn, expected: formatLsn(least), lastCommitAt }
  throw new LifeboatError('RECOVERY_ENDED_EARLY', { goal: goal.to, ...where })
}
