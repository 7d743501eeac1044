import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import { SCRATCH_PORT } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { PhysicalManifest } from '../extract/extract-backup.ts'
import type { Reader } from '../fetch/reader.ts'
import {
  type RecoveredServer,
  type RecoveryOptions,
  type RecoveryPlace,
  startRecovery,
} from '../recover/start-recovery.ts'
import type { PlannedCluster } from './plan-cluster.ts'
import { openSocketFolder } from './socket-folder.ts'

export interface Replay extends Omit<RecoveryPlace, 'socketDir' | 'port'>, Pick<RecoveryOptions, 'atGoal' | 'getter'> {
  /** `false`: nothing of it has to survive a crash, nor the end of its server. */
  kept: boolean
}

/**
 * Replays a cluster that lies there up to the goal of its plan, on a server nobody but us can reach, and stops it: cleanly, if it is kept.
 *
 * @param look what is done with the server at its goal
 */
export async function replayCluster<T>(
  reader: Reader,
  { plan, archive, chain }: PlannedCluster,
  { atGoal, kept, getter, ...place }: Replay,
  look: (server: RecoveredServer) => Promise<T>,
): Promise<T> {
  await using stack = new AsyncDisposableStack()
  const socket = stack.use(await openSocketFolder(place.account))
  const { systemIdentifier } = (chain.at(-1) as PhysicalManifest).server
  const back = await startRecovery({
    ...{ reader, plan, archive: archive.wal, systemIdentifier, getter, atGoal, ...(!kept && { settings: CARELESS }) },
    place: { ...place, socketDir: socket.path, port: SCRATCH_PORT },
  })
  if (back.getter) stack.use(back.getter)
  stack.defer(() => stopServer(back.server, 'immediate'))
  const seen = await look(back)
  reader.run.signal.throwIfAborted()
  await stopServer(back.server, kept ? 'fast' : 'immediate')
  return seen
}
