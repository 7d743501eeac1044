import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { scratchConnection } from '@lifeboat/postgres/scratch/scratch-server.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Timeline } from '@lifeboat/shared/domain/wal.ts'
import type { Goal } from '../goal.ts'
import { findSuperuser } from '../recover/find-superuser.ts'
import { type OwnEnd, ownLastRecord } from '../recover/own-last-record.ts'
import { configureApart, holdsAtEnd } from '../recover/prepare-cluster.ts'
import { type Recovered, recover } from '../recover/recover.ts'
import { LOCAL_HBA, recoverySettings } from '../recover/recovery-settings.ts'

/** A recovered cluster that people may look at. */
export interface Lookable {
  dataDir: string
  /** Of the account alone: the socket, the log and the configuration lie in it. */
  folder: string
  port: number
  goal: Goal
  /** Of a backup of a standby: where it ends, where it may have no record behind. */
  ownEnd?: OwnEnd | undefined
  timeline: Timeline | 'current'
  /** `paused` stands still at its goal. */
  state: 'paused' | 'promoted'
}

const LATEST: Goal = { to: 'latest' }
/** By the socket as the account of the server without a password; by the network as everybody who has one in the cluster. */
const LOOKING_HBA = `${LOCAL_HBA}host all all 127.0.0.1/32 scram-sha-256\n`

/**
 * Starts a server on a recovered cluster and waits until it answers. It outlives us.
 *
 * It needs neither archive nor key: what it replays up to its goal lies in its own pg_wal since it was recovered. It archives nowhere and follows
 * nobody, whatever its own configuration says.
 *
 * @throws LifeboatError RECOVERY_… with the last lines of its log
 */
export async function startForLook(
  { dataDir, folder, port, goal: wanted, ownEnd, timeline, state }: Lookable,
  { account, tools, signal }: { account: Account; tools: PostgresTools; signal: AbortSignal },
): Promise<Recovered> {
  const { files, floors } = await configureApart(dataDir, folder, { account, tools }, LOOKING_HBA)
  const holds = await holdsAtEnd(dataDir)
  const lsn = wanted.to === 'end of backup' && ownEnd ? await ownLastRecord(dataDir, ownEnd) : undefined
  const goal: Goal = lsn === undefined ? wanted : { to: 'lsn', lsn }
  const how = {
    goal: holds ? LATEST : goal,
    timeline,
    atGoal: 'pause',
    restoreCommand: undefined,
    floors,
    port,
    socketDir: folder,
  } as const
  const settings = { ...recoverySettings(how), ...files, listen_addresses: '127.0.0.1' }
  const { path: postgres } = await tools.program('postgres')
  const { server, recovered } = await recover({
    ...{ plan: { goal, wal: undefined }, holds },
    server: { postgres, dataDir, folder, account, settings, detached: true, signal },
    connection: { ...scratchConnection(folder, 'template1', await findSuperuser(dataDir)), port },
    atGoal: state === 'paused' ? 'pause' : 'promote',
    getter: undefined,
  })
  server.unref()
  return recovered
}
