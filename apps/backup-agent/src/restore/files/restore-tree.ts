import { rm } from 'node:fs/promises'
import { ontoDisk } from '@lifeboat/recovery/files/onto-disk.ts'
import { isThere, swapPlaces } from '@lifeboat/recovery/swap/swap-places.ts'
import { aroundSwap, beginAnew } from '../around-swap.ts'
import type { TreeOnItsWay } from '../book.ts'
import type { FilesCommand, FilesCommandTo } from '../command.ts'
import { cameInPlace, isBegun } from '../places.ts'
import { audit, type Ending } from '../tell.ts'
import { extractTree } from './extract-tree.ts'
import { postHook } from './post-hook.ts'
import { type PreparedSwaps, prepareSwaps } from './prepare-swaps.ts'
import { removeUnswapped } from './remove-unswapped.ts'
import { siteOf } from './site.ts'

/**
 * Puts a tree together beside the present one, compares it with the list of what was archived, lets the post hook finish it, and puts it in its place; the present
 * one is kept.
 *
 * May be called again after the agent died: a tree that was whole stays so, and what was swapped is not swapped again. Until the swap production is untouched and any
 * error leaves nothing; after it the ending says what is still wrong.
 *
 * @throws LifeboatError – nothing has changed
 */
export async function restoreTree(command: FilesCommandTo<'restore'>): Promise<Ending> {
  const { entry, report } = command
  if (await isBegun(entry(), entry().files?.swaps ?? []))
    return withTree(command, await aroundSwap(command, { done: true, swap: undefined }))
  try {
    const { swaps } = (await wholeTree(entry().files, entry().stage)) ?? (await putTogether(command))
    const aside = swaps.find(({ was }) => was)?.aside
    const ending = await aroundSwap(command, {
      ...{ done: false, aside },
      swap: async () => {
        report('swap')
        await swapPlaces(swaps)
        return {}
      },
      happened: () => cameInPlace(entry(), swaps),
    })
    return await withTree(command, ending)
  } catch (thrown) {
    // After a deploy the next delivery goes on with it.
    const isOver = command.cancelled.aborted || !command.run.signal.aborted
    if (isOver) await removeUnswapped(entry())
    throw thrown
  }
}

type WholeTree = PreparedSwaps & { folder: string }

/** What an earlier life of the agent put together, when it came to its end with it. */
async function wholeTree(tree: TreeOnItsWay | undefined, stage: string): Promise<WholeTree | undefined> {
  const { folder, swaps, left } = tree ?? {}
  if (stage === 'accepted' || folder === undefined || !swaps || !left) return undefined
  return (await isThere(folder)) ? { folder, swaps, left } : undefined
}

async function putTogether(command: FilesCommandTo<'restore'>): Promise<WholeTree> {
  const { entry, files, deps, order } = command
  await beginAnew(command)
  await removeUnswapped(entry())
  const site = await siteOf(files)
  const { folder, link } = site
  const onItsWay = { folder, ...(link !== undefined && { link }) }
  await command.step('accepted', { files: onItsWay })
  const extracted = await extractTree(command, site)
  const prepared = await prepareSwaps(command, site, extracted)
  const { changes } = prepared.left
  await audit(deps, 'compared', { restoreId: order.restoreId, who: entry().who, order, root: files.root }, { changes })
  await postHook(command, { folder, swaps: prepared.swaps })
  await ontoDisk(folder, deps.cfg, command.run)
  command.run.signal.throwIfAborted()
  await command.step('ready', { files: { ...onItsWay, ...prepared } })
  return { folder, ...prepared }
}

/** Where parts were put in place, the folder they came from is of no use any more; where a link was, it is what the link leads to. */
async function withTree(command: FilesCommand, { aside: _planned, ...ending }: Ending): Promise<Ending> {
  const { files = {} } = command.entry()
  const { folder, left } = files
  // A place may have vanished, or come up, since the plan: a revert goes by what was put aside.
  const kept = files.swaps?.map(async (swap) => ({ ...swap, was: await isThere(swap.aside) }))
  const swaps = kept && (await Promise.all(kept))
  await command.step('swapped', { files: { ...files, swaps } })
  if (folder !== undefined && swaps?.some(({ next }) => next?.startsWith(`${folder}/`)))
    await rm(folder, { recursive: true, force: true })
  const aside = swaps?.find(({ was }) => was)?.aside
  return { ...ending, ...(aside !== undefined && { aside }), ...(left && { files: left }) }
}
