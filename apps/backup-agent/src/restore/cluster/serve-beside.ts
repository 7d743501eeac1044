import { join } from 'node:path'
import { leftServer, stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { startForLook } from '@lifeboat/recovery/beside/look-server.ts'
import type { ClusterLeft } from '@lifeboat/shared/domain/restore.ts'
import type { AgentDeps } from '../../deps.ts'
import { restorableNames, restorableSource } from '../restorable.ts'
import { type BesideNote, readBeside, writeBeside } from './beside-note.ts'
import { besideFolder } from './site.ts'
import { serverTools } from './work.ts'

/** A server that goes down writes what it has in memory first. */
export const STOP_MS = 600_000

/** Starts the server of a cluster beside anew, and writes down where it stands. @throws LifeboatError RECOVERY_… */
export async function serveBeside(
  folder: string,
  note: BesideNote & { state: ClusterLeft['state'] },
  by: { deps: Pick<AgentDeps, 'cfg'>; signal: AbortSignal },
): Promise<ClusterLeft> {
  const dataDir = join(folder, 'data')
  const { state, port, goal, timeline } = note
  await stopLeftServer(dataDir, { mode: 'fast', patienceMs: STOP_MS })
  const tools = await serverTools(by, note.major)
  const look = { dataDir, folder, port, goal, timeline, state }
  const started = await startForLook(look, { account: serverAccount(), tools, signal: by.signal })
  // What it replays again on its way may hold no transaction any more.
  const recovered = { ...started, lastCommitAt: started.lastCommitAt ?? note.recovered.lastCommitAt }
  await writeBeside(folder, { ...note, recovered })
  return { place: 'beside', dataDirectory: dataDir, reach: { folder, port }, state, recovered }
}

/** Clusters beside run on without the agent; those that ended with it, or with the host, are started again. */
export async function wakeBesides(deps: AgentDeps, signal: AbortSignal): Promise<void> {
  if (deps.cfg.restore?.clusters === undefined) return
  for (const [sourceId, is] of restorableNames(deps.cfg)) {
    if (is !== 'database') continue
    const folder = besideFolder(restorableSource(deps.cfg, sourceId), sourceId)
    try {
      const note = await readBeside(folder)
      if (note?.state !== 'paused' && note?.state !== 'promoted') continue
      if ((await leftServer(join(folder, 'data'))) !== undefined) continue
      await serveBeside(folder, { ...note, state: note.state }, { deps, signal })
      deps.log.info({ event: 'restore.beside-woken', sourceId, port: note.port }, 'a cluster beside was started again')
    } catch (err) {
      if (signal.aborted) return
      deps.log.error({ event: 'restore.beside-asleep', sourceId, err }, 'a cluster beside could not be started again')
    }
  }
}
