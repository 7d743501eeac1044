import { execFile } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serverIn, stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { SCRATCH_PORT, scratchConnection } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openSocketFolder } from '../bare/socket-folder.ts'
import { findSuperuser } from '../recover/find-superuser.ts'
import { prepareCluster } from '../recover/prepare-cluster.ts'
import { recover } from '../recover/recover.ts'
import { recoverySettings } from '../recover/recovery-settings.ts'
import { isThere } from './swap-places.ts'

const execute = promisify(execFile)

export interface OwnTimeline {
  /** The newest timeline that is another's, see `takenBy`. */
  taken: Timeline
  /** For the log and the configuration of the server; empty, and the account's own. */
  folder: string
  account: Account
  tools: PostgresTools
  /** How long a server that a dead process left may take to stop. */
  patienceMs: number
  signal: AbortSignal
}

/**
 * Gives a stopped cluster that is to come back a timeline of its own, newer than those of the clusters that had its place meanwhile: whoever recovers
 * follows the newest, PostgreSQL itself as well, and would bring back what was put aside.
 *
 * It is started apart, replays what lies in its own pg_wal, promotes itself and is stopped. One that is the newest already stays as it is, and so does
 * a standby, which goes the way of its primary. May be called again after a death half-way.
 *
 * @returns the timeline it is on now
 * @throws LifeboatError RECOVERY_… – it cannot be started as it lies there
 */
export async function beginOwnTimeline(dataDir: string, opts: OwnTimeline): Promise<Timeline> {
  const { taken, folder, account, tools, patienceMs, signal } = opts
  await stopLeftServer(dataDir, { mode: 'fast', patienceMs })
  // What keeps a second server from these data is removed below.
  const pid = await serverIn(dataDir)
  if (pid !== undefined) throw new LifeboatError('RESTORE_STILL_RUNNING', { pid, dataDirectory: dataDir })
  const own = await timelineOf(dataDir, tools)
  const begun = await isThere(join(dataDir, 'recovery.signal'))
  if (!begun && (own > taken || (await isThere(join(dataDir, 'standby.signal'))))) return own
  await using socket = await openSocketFolder(account)
  const { files, floors } = await prepareCluster(dataDir, folder, { account, tools })
  const goal = { to: 'latest' } as const
  const how = {
    goal,
    timeline: 'current',
    atGoal: 'promote',
    floors,
    port: SCRATCH_PORT,
    socketDir: socket.path,
  } as const
  const settings = { ...recoverySettings({ ...how, restoreCommand: takenUpTo(own, taken) }), ...SLOTS, ...files }
  try {
    const { path: postgres } = await tools.program('postgres')
    const connection = {
      ...scratchConnection(socket.path, 'template1', await findSuperuser(dataDir)),
      port: SCRATCH_PORT,
    }
    const server = { postgres, dataDir, folder, account, settings, signal }
    const started = await recover({
      plan: { goal, wal: undefined },
      server,
      connection,
      atGoal: 'promote',
      getter: undefined,
    })
    await stopServer(started.server, 'fast')
  } finally {
    await rm(join(dataDir, 'recovery.signal'), { force: true })
  }
  return timelineOf(dataDir, tools)
}

/**
 * The newest timeline of the data directories of a cluster that had its place meanwhile. One that is lost cannot be asked: it came to its place by a promotion, for which the number behind that
 * of the cluster it replaced was the first to be had.
 *
 * @param dataDir the cluster that is to come back, as long as it has the timeline on which it was put aside
 */
export async function takenBy(others: readonly string[], dataDir: string, tools: PostgresTools): Promise<Timeline> {
  const own = await timelineOf(dataDir, tools)
  return Math.max(...(await Promise.all(others.map(async (other) => (await newestIn(other)) ?? own + 1))))
}

/** It has slots, unlike what came out of a backup, and a server refuses to start with more of them, or of another kind, than its settings allow. */
const SLOTS = { max_replication_slots: '10000', wal_level: 'logical' }

/**
 * PostgreSQL takes the first number for which its archive has no history, beginning at its own.
 *
 * @see https://github.com/postgres/postgres/blob/master/src/backend/access/transam/timeline.c – findNewestTimeLine
 */
function takenUpTo(own: Timeline, taken: Timeline): string {
  const names = Array.from({ length: Math.max(0, taken - own) }, (_, no) => `${hex8(own + 1 + no)}.history`)
  return names.length === 0 ? 'exit 1' : `case "%f" in ${names.join('|')}) : > "%p";; *) exit 1;; esac`
}

async function timelineOf(dataDir: string, tools: PostgresTools): Promise<Timeline> {
  const { path } = await tools.program('pg_controldata')
  const { stdout } = await execute(path, ['-D', dataDir], { env: { ...BASE_ENV } })
  return Number(/^Latest checkpoint's TimeLineID: +(\d+)$/m.exec(stdout)?.[1])
}

/** By the names of its WAL, which a running server may be asked for as well. undefined: it has none. */
async function newestIn(dataDir: string): Promise<Timeline | undefined> {
  const names = await readdir(join(dataDir, 'pg_wal')).catch(() => [])
  const timelines = names.flatMap((name) => /^([0-9A-F]{8})(?:[0-9A-F]{16}|\.history)$/.exec(name)?.[1] ?? [])
  return timelines.length === 0 ? undefined : Math.max(...timelines.map((digits) => Number.parseInt(digits, 16)))
}

function hex8(timeline: Timeline): string {
  return timeline.toString(16).toUpperCase().padStart(8, '0')
}
