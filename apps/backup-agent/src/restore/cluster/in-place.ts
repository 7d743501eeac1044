import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { serverIn } from '@lifeboat/postgres/scratch/left-server.ts'
import { asideOf } from '@lifeboat/recovery/swap/aside-names.ts'
import { beginOwnTimeline, takenBy } from '@lifeboat/recovery/swap/own-timeline.ts'
import { presentCluster } from '@lifeboat/recovery/swap/present-cluster.ts'
import { isThere, type PlaceSwap, swapPlaces } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { aroundSwap, beginAnew, type SwapWork } from '../around-swap.ts'
import type { Command } from '../command.ts'
import { cameInPlace, isBegun } from '../places.ts'
import { CLOCKS_APART_MS } from '../put-back.ts'
import type { Ending } from '../tell.ts'
import { demandStopped } from './demand-stopped.ts'
import { recoverApart, removeApart } from './recover-apart.ts'
import { STOP_MS } from './serve-beside.ts'
import { apartFolder, asidePath, emptyFolder, ownDataDirectory, type Site, siteOf } from './site.ts'
import { demandAction, serverTools } from './work.ts'

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
  const begun = await swapBegun(command, place, next, 'before')
  if (await isBegun(entry(), [begun], () => putInPlace(command, begun)))
    return withCluster(command, site, await aroundSwap(command, { done: true, swap: undefined }))
  if (entry().stage === 'accepted' || !(await isThere(next))) await recover(command, site)
  try {
    const swap = await swapOf(command, place, next, 'before')
    return await withCluster(command, site, await aroundSwap(command, workOf(command, swap)))
  } catch (thrown) {
    // After a deploy the next delivery goes on with it, and where nobody knows whether it was swapped it may be production.
    const isOver = command.cancelled.aborted || !command.run.signal.aborted
    if (isOver && entry().stage !== 'swapping') await removeApart(folder)
    throw thrown
  }
}

type Why = 'before' | 'reverted'

/** What is there is named for the time of its swap: a release lets go of what was put aside before it was signed. */
async function swapOf({ deps }: Command, place: string, next: string, why: Why): Promise<PlaceSwap> {
  return { place, next, aside: asidePath(place, why, deps.clock.now()), was: await isThere(place) }
}

/** As an earlier life of the agent named it, if one did: it may be on its way to that name. */
async function swapBegun(command: Command, place: string, next: string, why: Why): Promise<PlaceSwap> {
  const { aside } = command.entry()
  return { ...(await swapOf(command, place, next, why)), ...(aside !== undefined && { aside, was: true }) }
}

function workOf(command: Command, swap: PlaceSwap): SwapWork {
  return {
    ...{ done: false, aside: swap.was ? swap.aside : undefined },
    swap: async () => {
      command.report('swap')
      await putInPlace(command, swap)
      return {}
    },
    happened: () => cameInPlace(command.entry(), [swap]),
  }
}

/** @throws LifeboatError RESTORE_STILL_RUNNING | RESTORE_CLUSTER_UNFIT */
async function putInPlace({ server }: Command, swap: PlaceSwap): Promise<void> {
  await demandStopped(server, swap.place)
  try {
    await swapPlaces([swap])
  } catch (thrown) {
    const { facts } = LifeboatError.from(thrown)
    throw new LifeboatError('RESTORE_CLUSTER_UNFIT', { ...facts, place: swap.place }, { cause: thrown })
  }
}

async function recover(command: Command, site: Site): Promise<void> {
  await beginAnew(command)
  const { recovered } = await recoverApart(command, site)
  const about = { place: 'in place', dataDirectory: site.dataDirectory, state: 'promoted' } as const
  await command.step('ready', { cluster: { ...about, recovered } })
}

/** What was beside the data directory is of no use any more. */
async function withCluster({ entry }: Command, { folder }: Site, ending: Ending): Promise<Ending> {
  await rm(folder, { recursive: true, force: true })
  const { cluster } = entry()
  return { ...ending, ...(cluster && { cluster }) }
}

/** Gives the data directory that was put aside last its place back; the present one is put aside. @throws LifeboatError – nothing has changed */
export async function revertInPlace(command: Command): Promise<Ending> {
  const { order, entry } = command
  const place = await ownDataDirectory(command, order.sourceId)
  const back = entry().back ?? (await putAside(place)).find(({ why }) => why === 'before')?.path
  // Before any service is stopped for nothing.
  if (back === undefined) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { dataDirectory: place })
  const begun = await swapBegun(command, place, back, 'reverted')
  if (await isBegun(entry(), [begun], () => putInPlace(command, begun)))
    return aroundSwap(command, { done: true, swap: undefined })
  await goOnApart(command, place, back)
  return aroundSwap(command, workOf(command, await swapOf(command, place, back, 'reverted')))
}

/** While the present server goes on. */
async function goOnApart({ order, run, ...command }: Command, place: string, back: string): Promise<void> {
  const { deps, entry, report } = command
  report('timeline')
  const present = await presentCluster(back)
  if (present?.major === undefined)
    throw new LifeboatError('RESTORE_CLUSTER_UNFIT', { problem: 'what was put aside is no cluster', place: back })
  const tools = await serverTools({ deps }, present.major)
  const others = [place, ...(await putAside(place)).map(({ path }) => path)].filter((path) => path !== back)
  const taken = entry().taken ?? (await takenBy(others, back, tools))
  await command.step(entry().stage, { back, taken })
  const folder = await emptyFolder(apartFolder(place, order.restoreId), present)
  const about = { taken, folder, account: present, tools, patienceMs: STOP_MS, signal: run.signal }
  const timeline = await beginOwnTimeline(back, about).finally(() => rm(folder, { recursive: true, force: true }))
  run.log.info({ event: 'restore.timeline', timeline }, 'what was put aside has a timeline of its own')
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

/** The newest first. */
async function putAside(place: string): Promise<{ path: string; why: 'before' | 'reverted'; atMs: number }[]> {
  const names = await readdir(dirname(place))
  return asideOf(basename(place), names).map(({ name, ...more }) => ({ path: join(dirname(place), name), ...more }))
}
