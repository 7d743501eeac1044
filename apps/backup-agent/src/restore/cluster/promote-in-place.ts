import { join } from 'node:path'
import { serverIn, stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { presentCluster } from '@lifeboat/recovery/swap/present-cluster.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import type { ClusterOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../command.ts'
import type { Ending } from '../tell.ts'
import { readBeside, writeBeside } from './beside-note.ts'
import { demandBeside, type FoundBeside } from './find-beside.ts'
import { replayOn } from './further.ts'
import { goOnApart } from './put-aside.ts'
import { STOP_MS, serveBeside } from './serve-beside.ts'
import { ownDataDirectory, ownerOf, waitingFolder } from './site.ts'
import { goOnSwapping, swapCluster, withCluster } from './swap-cluster.ts'
import { unfitInPlace } from './unfit.ts'
import { demandAction } from './work.ts'

/**
 * Promotes the cluster that waits next to its data directory, and puts it in its place while the server is stopped; the present one is kept.
 *
 * May be called again after the agent died. Until the swap production is untouched: what was promoted stands beside again, for another try, and what failed while it replayed is
 * broken and only of use to be released. After the swap the ending says what is still wrong.
 *
 * @throws LifeboatError – production has not changed
 */
export async function promoteInPlace(command: Command): Promise<Ending> {
  const promoting = demandAction(command, 'promote')
  const { order, entry } = promoting
  const place = await ownDataDirectory(command, order.sourceId)
  const next = join(waitingFolder(place), 'data')
  const swap = { place, next, why: 'before' } as const
  const ended = await goOnSwapping(command, swap)
  if (ended) return withCluster(command, waitingFolder(place), ended)
  const found = await demandBeside(command, ['paused', 'promoted'])
  await demandFit(found, place)
  try {
    if (entry().cluster === undefined) await promoteApart(promoting, found, place)
    const pid = await serverIn(next)
    if (pid !== undefined) throw new LifeboatError('RESTORE_STILL_RUNNING', { pid, dataDirectory: next })
    return await withCluster(command, found.folder, await swapCluster(command, swap))
  } catch (thrown) {
    // After a deploy the next delivery goes on with it, and where nobody knows whether it was swapped it may be production.
    const isOver = command.cancelled.aborted || !command.run.signal.aborted
    if (isOver && entry().stage !== 'swapping') await standAgain(command, found.folder)
    throw thrown
  }
}

/** What was in the way of none when it was planned may be in its way now. @throws LifeboatError RESTORE_CLUSTER_UNFIT */
async function demandFit({ folder, note }: FoundBeside, place: string): Promise<void> {
  const next = join(folder, 'data')
  const [comer, present] = [await presentCluster(next), await presentCluster(place)]
  const [problem] =
    note.place !== 'in place'
      ? ['it was recovered to stay beside: only what `--in-place --pause` recovered can be put in place']
      : comer === undefined
        ? ['its data directory is gone']
        : unfitInPlace({ present, account: await ownerOf(next) }, comer)
  if (problem !== undefined) throw new LifeboatError('RESTORE_CLUSTER_UNFIT', { problem, place: folder })
}

type Promoting = Command & { order: ClusterOrder<'promote'> }

/** Ends its recovery where that stands; one that was promoted for its look goes on, newer than whatever had the place meanwhile. */
async function promoteApart(promoting: Promoting, { folder, note: stood }: FoundBeside, place: string): Promise<void> {
  const { order, entry } = promoting
  const dataDir = join(folder, 'data')
  const note = { ...stood }
  // That it is there tells of a timeline that was begun as well.
  if (entry().taken === undefined && (await isThere(join(dataDir, 'recovery.signal')))) {
    await replayOn(promoting, { folder, note, state: 'promoted', stood })
  } else {
    await promoting.step('stopping')
    await writeBeside(folder, { ...note, movedBy: order.restoreId, state: 'moving' })
    await stopLeftServer(dataDir, { mode: 'fast', patienceMs: STOP_MS })
    await goOnApart(promoting, place, dataDir)
  }
  const about = { place: 'in place', dataDirectory: place, state: 'promoted' } as const
  await promoting.step('ready', { cluster: { ...about, recovered: note.recovered } })
}

/** One that this command has not begun with stands as it stood. */
async function standAgain({ deps, order, entry, run, leaving }: Command, folder: string): Promise<void> {
  const note = await readBeside(folder).catch(() => undefined)
  if (note?.movedBy !== order.restoreId) return
  const { cluster } = entry()
  const isPromoted = cluster !== undefined || !(await isThere(join(folder, 'data', 'recovery.signal')))
  if (!isPromoted) return writeBeside(folder, { ...note, state: 'broken' })
  const promoted = { ...note, ...(cluster && { recovered: cluster.recovered }), state: 'promoted' } as const
  await writeBeside(folder, promoted)
  await serveBeside(folder, promoted, { deps, signal: leaving }).catch((err: unknown) => {
    run.log.warn({ event: 'restore.beside-asleep', err }, 'a cluster beside could not be started again')
  })
}
