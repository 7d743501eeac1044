import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { serverIn } from '@lifeboat/postgres/scratch/left-server.ts'
import { asideOf } from '@lifeboat/recovery/swap/aside-names.ts'
import { beginOwnTimeline } from '@lifeboat/recovery/swap/own-timeline.ts'
import { presentCluster } from '@lifeboat/recovery/swap/present-cluster.ts'
import { finishSwap, isThere, swapFolders } from '@lifeboat/recovery/swap/swap-folders.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { aroundSwap } from '../around-swap.ts'
import type { Entry } from '../book.ts'
import type { Command } from '../command.ts'
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
  const { order, entry, report, server } = demandAction(command, 'restore')
  const site = await siteOf(command, order, order)
  const { dataDirectory: place, folder } = site
  const next = join(folder, 'data')
  // Whatever became of the command meanwhile: a place without a cluster is nobody's wish.
  await finishSwap({ place, next, aside: entry().aside })
  if (await isSwapped(entry(), next, place))
    return withCluster(command, site, await aroundSwap(command, { done: true, swap: undefined }))
  if (entry().stage === 'accepted' || !(await isThere(next))) await recover(command, site)
  const aside = entry().aside ?? site.aside
  try {
    const ending = await aroundSwap(command, {
      ...{ done: false, aside },
      swap: async () => {
        report('swap')
        await demandStopped(server, place)
        await swapFolders({ place, next, aside })
        return {}
      },
      happened: () => isSwapped(entry(), next, place),
    })
    return await withCluster(command, site, ending)
  } catch (thrown) {
    // After a deploy the next delivery goes on with it, and where nobody knows whether it was swapped it may be production.
    const isOver = command.cancelled.aborted || !command.run.signal.aborted
    if (isOver && entry().stage !== 'swapping') await removeApart(folder)
    throw thrown
  }
}

/** Whether an earlier life of the agent came through both renames. */
async function isSwapped({ stage, aside }: Entry, next: string, place: string): Promise<boolean> {
  if (stage === 'swapped') return true
  return stage === 'swapping' && !(await isThere(next)) && isThere(aside ?? place)
}

async function recover(command: Command, site: Site): Promise<void> {
  await command.step('accepted')
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
  const { order, entry, report, server, deps } = command
  const place = await ownDataDirectory(command, order.sourceId)
  const begun = entry().aside !== undefined
  const aside = entry().aside ?? asidePath(place, 'reverted', deps.clock.now())
  const before = (await putAside(place)).find(({ why }) => why === 'before')
  if (begun && before) await finishSwap({ place, next: before.path, aside })
  if (begun && (await isThere(aside)) && (await isThere(place)))
    return aroundSwap(command, { done: true, swap: undefined })
  // Before any service is stopped for nothing.
  if (!before) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { dataDirectory: place })
  await goOnApart(command, place, before.path)
  return aroundSwap(command, {
    ...{ done: false, aside },
    swap: async () => {
      report('swap')
      await demandStopped(server, place)
      await swapFolders({ place, next: before.path, aside })
      return {}
    },
    happened: async () => (await isThere(aside)) && (await isThere(place)) && !(await isThere(before.path)),
  })
}

/** While the present server goes on. */
async function goOnApart({ order, deps, run, report }: Command, place: string, next: string): Promise<void> {
  report('timeline')
  const present = await presentCluster(next)
  if (present?.major === undefined)
    throw new LifeboatError('RESTORE_CLUSTER_UNFIT', { problem: 'what was put aside is no cluster', place: next })
  const tools = await serverTools({ deps }, present.major)
  const folder = await emptyFolder(apartFolder(place, order.restoreId), present)
  const others = [place, ...(await putAside(place)).map(({ path }) => path)].filter((path) => path !== next)
  const about = { others, folder, account: present, tools, patienceMs: STOP_MS, signal: run.signal }
  const timeline = await beginOwnTimeline(next, about).finally(() => rm(folder, { recursive: true, force: true }))
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
