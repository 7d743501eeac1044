import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { scratchConnection } from '@lifeboat/postgres/scratch/scratch-server.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { parseLsn, type SegmentName, segmentRange } from '@lifeboat/shared/domain/wal.ts'
import type { Reader } from '../fetch/reader.ts'
import type { Goal } from '../goal.ts'
import { lastOf } from '../plan/chain.ts'
import type { RecoveryPlan } from '../plan/plan.ts'
import { archiveShelf } from '../wal/archive-shelf.ts'
import { nameAt, ownWal } from '../wal/find-wal.ts'
import { openWalGetter, type WalGetter } from '../wal/wal-getter.ts'
import { findSuperuser } from './find-superuser.ts'
import { ownEndOf, ownLastRecord } from './own-last-record.ts'
import { holdAtEnd, prepareCluster } from './prepare-cluster.ts'
import { type Recovered, recover } from './recover.ts'
import { type AtGoal, recoverySettings } from './recovery-settings.ts'

export interface RecoveryPlace {
  dataDir: string
  /** For the server's log, its configuration and the WAL on its way; on the file system of the data directory. */
  folder: string
  socketDir: string
  port: number
  account: Account
  tools: PostgresTools
}

export interface RecoveryOptions {
  reader: Reader
  plan: RecoveryPlan
  /** Everything that is there to choose from, so that what is missing is told from what never was. */
  archive: Parameters<typeof archiveShelf>[1]['listed']
  systemIdentifier: string
  place: RecoveryPlace
  /** One that was opened in good time, for the same plan in the same folder. Default: one is opened, and ended where this throws. Ended twice is ended once. */
  getter?: WalGetter | undefined
  atGoal: Exclude<AtGoal, 'shutdown'>
  /** Over those recovery needs, e.g. for a server that has nothing to lose. */
  settings?: Readonly<Record<string, string>>
  /** How long a target may be away; default five minutes. */
  patienceMs?: number
}

/** A server at its goal. The getter is still needed by one that is paused and may go on. */
export interface RecoveredServer {
  server: ChildProcess
  recovered: Recovered
  getter: WalGetter | undefined
  connection(database: string): SourceConnection
}

/**
 * Recovers an extracted cluster to the goal of its plan.
 *
 * @throws LifeboatError those of `recover`, `prepareCluster` and `archiveShelf`
 */
export async function startRecovery(opts: RecoveryOptions): Promise<RecoveredServer> {
  const { plan, place, reader } = opts
  const { dataDir, folder, account, tools, socketDir, port } = place
  const [superuser, { floors, files }, { path: postgres }] = await Promise.all([
    findSuperuser(dataDir),
    prepareCluster(dataDir, folder, place),
    tools.program('postgres'),
  ])
  await using stack = new AsyncDisposableStack()
  const getter = opts.getter ?? stack.use(await openGetter(opts))
  const { timeline } = plan
  const { goal, holds } = await aimOf(opts)
  if (holds) await holdAtEnd(dataDir, account)
  const restoreCommand = getter?.restoreCommand
  const needed = recoverySettings({ goal, timeline, atGoal: opts.atGoal, restoreCommand, floors, port, socketDir })
  const connection = (database: string): SourceConnection => {
    return { ...scratchConnection(socketDir, database, superuser), port }
  }
  const settings = { ...opts.settings, ...files, ...needed }
  const { server, recovered } = await recover({
    ...{ plan, getter, holds, atGoal: opts.atGoal, connection: connection('template1') },
    server: { postgres, dataDir, folder, account, settings, signal: reader.run.signal },
  })
  stack.move()
  return { server, recovered, getter, connection }
}

/**
 * A backup of a standby may end with the last record there is: PostgreSQL notes that it is consistent, and only the next record would make it stop
 * there. It has no WAL behind its end to speak of, so all of it is replayed. What is to stand still for a look stops behind that record instead; where
 * that is the checkpoint the replay begins with, as after the shutdown of its primary, nothing is replayed that it could stop behind, and it is held.
 */
async function aimOf({
  plan: { goal, chain },
  atGoal,
  place,
}: RecoveryOptions): Promise<{ goal: Goal; holds?: boolean }> {
  const { physical } = lastOf(chain)
  const end = ownEndOf(physical)
  if (goal.to !== 'end of backup' || !end) return { goal }
  if (atGoal === 'promote') return { goal: { to: 'latest' } }
  const lsn = await ownLastRecord(place.dataDir, end)
  if (lsn === physical.startLsn) return { goal: { to: 'latest' }, holds: true }
  return { goal: lsn === undefined ? goal : { to: 'lsn', lsn } }
}

export type GetterOptions = Pick<RecoveryOptions, 'reader' | 'plan' | 'archive' | 'systemIdentifier' | 'patienceMs'> & {
  place: Pick<RecoveryPlace, 'folder' | 'account'>
}

/**
 * Begins to fetch what the replay will ask for first, and goes on as it asks.
 *
 * @returns undefined where the backup's own WAL is enough
 * @throws LifeboatError those of `archiveShelf`
 */
export async function openGetter(opts: GetterOptions): Promise<WalGetter | undefined> {
  const { reader, archive: listed, place, systemIdentifier, patienceMs } = opts
  const { wal, chain } = opts.plan
  if (!wal) return undefined
  const { path, segmentBytes } = wal
  const supply = { listed, path, segmentBytes, own: ownWal(lastOf(chain).physical) }
  const [from, end] = [parseLsn(wal.from), parseLsn(wal.end)]
  const getter = await openWalGetter({
    openShelf: (signal) => archiveShelf({ ...reader, run: { ...reader.run, signal } }, supply, systemIdentifier),
    ...{ folder: join(place.folder, 'wal'), account: place.account, run: reader.run },
    ...(patienceMs === undefined ? {} : { patienceMs }),
    onWanted(name) {
      if (!/^[0-9A-F]{24}$/.test(name)) return
      const { start } = segmentRange(name as SegmentName, segmentBytes)
      const [done, total] = [start > from ? start - from : 0n, end - from]
      reader.run.report({ phase: 'replay', done: Number(done), total: Number(total), unit: 'bytes' })
    },
  })
  const first = nameAt(from, supply)
  if (first !== undefined) getter.ahead(first)
  return getter
}
