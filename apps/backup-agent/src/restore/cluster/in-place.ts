import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { serverIn } from '@lifeboat/postgres/scratch/left-server.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { beginAnew } from '../around-swap.ts'
import type { Command } from '../command.ts'
import { CLOCKS_APART_MS } from '../put-back.ts'
import type { Ending } from '../tell.ts'
import { goOnApart, putAside } from './put-aside.ts'
import { recoverApart, removeApart } from './recover-apart.ts'
import { ownDataDirectory, type Site, siteOf } from './site.ts'
import { goOnSwapping, swapCluster, withCluster } from './swap-cluster.ts'
import { demandAction } from './work.ts'

/**
 * Recovers a cluster beside its data directory, promoted, and puts it in its place while the server is stopped; the present one is kept.
 *
 * May be called again after the agent died: what was recovered stays so, and what was swapped is not swapped again. Until the swap production is
 * untouched and any error leaves nothing; after it the ending says what is still wrong.
 *
 * @throws LifeboatError – nothing has changed
 */
export async function restoreInPlace(command: Command): Promise<Ending> {
  const { order, entry } = demandAction(command, 'restore')
  const site = await siteOf(command, order, order)
  const { folder } = site
  const next = join(folder, 'data')
  const place = site.dataDirectory
  const swap = { place, next, why: 'before' } as const
  const ended = await goOnSwapping(command, swap)
  if (ended) return withCluster(command, folder, ended)
  if (entry().stage === 'accepted' || !(await isThere(next))) await recover(command, site)
  try {
    return await withCluster(command, folder, await swapCluster(command, swap))
  } catch (thrown) {
    // After a deploy the next delivery goes on with it, and where nobody knows whether it was swapped it may be production.
    const isOver = command.cancelled.aborted || !command.run.signal.aborted
    if (isOver && entry().stage !== 'swapping') await removeApart(folder)
    throw thrown
  }
}

async function recover(command: Command, site: Site): Promise<void> {
  await beginAnew(command)
  const { recovered } = await recoverApart(command, site)
  const about = { place: 'in place', dataDirectory: site.dataDirectory, state: 'promoted' } as const
  await command.step('ready', { cluster: { ...about, recovered } })
}

/** Gives the data directory that was put aside last its place back; the present one is put aside. @throws LifeboatError – nothing has changed */
export async function revertInPlace(command: Command): Promise<Ending> {
  const { order, entry } = command
  const place = await ownDataDirectory(command, order.sourceId)
  const back = entry().back ?? (await putAside(place)).find(({ why }) => why === 'before')?.path
  // Before any service is stopped for nothing.
  if (back === undefined) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { dataDirectory: place })
  const swap = { place, next: back, why: 'reverted' } as const
  const ended = await goOnSwapping(command, swap)
  if (ended) return ended
  await goOnApart(command, place, back)
  return swapCluster(command, swap)
}

/** Removes for good what had been put aside when the operator signed. @throws LifeboatError */
export async function releaseInPlace(command: Command): Promise<Ending> {
  const { order, entry } = command
  const place = await ownDataDirectory(command, order.sourceId)
  const untilMs = Date.parse(order.issuedAt) + CLOCKS_APART_MS
  const found = (await putAside(place)).filter(({ atMs }) => atMs <= untilMs)
  // Between the two renames of a swap it is the only one there is.
  if (found.length > 0 && !(await isThere(place)))
    throw new LifeboatError('RESTORE_CLUSTER_UNFIT', { problem: 'there is no cluster in its place', place })
  if (found.length === 0 && entry().stage === 'accepted')
    throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { dataDirectory: place })
  for (const { path } of found)
    if ((await serverIn(path)) !== undefined) throw new LifeboatError('RESTORE_STILL_RUNNING', { dataDirectory: path })
  command.run.signal.throwIfAborted()
  await command.step('ready')
  for (const { path } of found) await rm(path, { recursive: true, force: true })
  return { outcome: 'done', swapped: false, dropped: found.map(({ path }) => path) }
}
