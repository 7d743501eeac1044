import { join } from 'node:path'
import { leftServer, stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { startForLook } from '@lifeboat/recovery/beside/look-server.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { ClusterLeft } from '@lifeboat/shared/domain/restore.ts'
import type { AgentDeps } from '../../deps.ts'
import { restorableNames, restorableSource } from '../restorable.ts'
import { type BesideNote, writeBeside } from './beside-note.ts'
import { findBeside } from './find-beside.ts'
import { ownerOf } from './site.ts'
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
  const { place, state, port, goal, ownEnd, timeline } = note
  await stopLeftServer(dataDir, { mode: 'fast', patienceMs: STOP_MS })
  const tools = await serverTools(by, note.major)
  const look = { dataDir, folder, port, goal, ownEnd, timeline, state }
  const started = await startForLook(look, { account: await ownerOf(dataDir), tools, signal: by.signal })
  // What it replays again on its way may hold no transaction any more.
  const recovered = { ...started, lastCommitAt: started.lastCommitAt ?? note.recovered.lastCommitAt }
  await writeBeside(folder, { ...note, recovered })
  return { place, dataDirectory: dataDir, reach: { folder, port }, state, recovered }
}

/** Clusters beside run on without the agent; those that ended with it, or with the host, are started again. */
export async function wakeBesides(deps: AgentDeps, signal: AbortSignal): Promise<void> {
  if (deps.cfg.restore === undefined) return
  for (const [sourceId, is] of restorableNames(deps.cfg)) {
    if (is !== 'database') continue
    try {
      await wakeBeside(deps, sourceId, signal)
    } catch (err) {
      if (signal.aborted) return
      deps.log.error({ event: 'restore.beside-asleep', sourceId, err }, 'a cluster beside could not be started again')
    }
  }
}

async function wakeBeside(deps: AgentDeps, sourceId: SourceId, signal: AbortSignal): Promise<void> {
  const of = restorableSource(deps.cfg, sourceId)
  const found = 'source' in of ? await findBeside(of, sourceId) : undefined
  if (!found) return
  const { folder, note } = found
  const { state } = note
  if (state !== 'paused' && state !== 'promoted') return
  if ((await leftServer(join(folder, 'data'))) !== undefined) return
  await serveBeside(folder, { ...note, state }, { deps, signal })
  deps.log.info({ event: 'restore.beside-woken', sourceId, port: note.port }, 'a cluster beside was started again')
}
