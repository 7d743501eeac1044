import { lstat, realpath, rm } from 'node:fs/promises'
import { isThere, type PlaceSwap, swapPlaces } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { aroundSwap } from '../around-swap.ts'
import type { Entry } from '../book.ts'
import type { FilesCommand, FilesCommandTo } from '../command.ts'
import { asidePath, cameInPlace, isBegun } from '../places.ts'
import { CLOCKS_APART_MS } from '../put-back.ts'
import type { Ending } from '../tell.ts'
import { mountsAt } from './mounts.ts'

/** Gives what the last restore put aside its place back; what is there now is put aside. @throws LifeboatError – nothing has changed */
export async function revertTree(command: FilesCommandTo<'revert'>): Promise<Ending> {
  const { entry, report } = command
  // Before any service is stopped for nothing.
  const swaps = entry().files?.swaps ?? (await swapsBack(command))
  if (entry().stage === 'accepted') await command.step('ready', { files: { swaps } })
  if (await isBegun(entry(), swaps)) return aroundSwap(command, { done: true, swap: undefined })
  return aroundSwap(command, {
    ...{ done: false, aside: swaps.find(({ was }) => was)?.aside },
    swap: async () => {
      report('swap')
      await swapPlaces(swaps)
      return {}
    },
    happened: () => cameInPlace(entry(), swaps),
  })
}

/** Of the last restore of which something is kept still; commands may be carried out in another order than they were signed in. */
async function swapsBack({ deps, order, files }: FilesCommand): Promise<PlaceSwap[]> {
  const endOf = ({ settled }: Entry) => Date.parse(settled?.at ?? '')
  const swapped = deps.restores.of(order.sourceId).filter(({ settled }) => settled?.swapped)
  for (const { files: tree } of swapped.sort((a, b) => endOf(b) - endOf(a))) {
    if (!tree?.swaps || tree.folder === undefined) continue
    const kept = await Promise.all(tree.swaps.map(({ aside }) => isThere(aside)))
    if (!kept.includes(true)) continue
    const gone = tree.swaps.find(({ was }, i) => was && !kept[i])
    if (gone) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { root: files.root, missing: gone.aside })
    // What came up at an empty place while the tree was put together was put aside like the rest.
    const back = tree.swaps.map(async ({ place, aside }, i) => ({
      ...{ place, ...(kept[i] && { next: aside }), was: await isThere(place) },
      aside: await asidePath(place, 'reverted', deps.clock.now()),
    }))
    // What came anew and is gone since needs nobody.
    return (await Promise.all(back)).filter(({ next, was }) => next !== undefined || was)
  }
  throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { root: files.root })
}

/** Removes for good what had been put aside when the operator signed. @throws LifeboatError */
export async function releaseTree(command: FilesCommandTo<'release'>): Promise<Ending> {
  const { entry, order, files, deps, run } = command
  const before = Date.parse(order.issuedAt) + CLOCKS_APART_MS
  const own = deps.restores.of(order.sourceId).filter((each) => isSwappedBy(each, before))
  const swaps = own.flatMap((each) => each.files?.swaps ?? [])
  const found: string[] = []
  for (const { aside } of swaps) if (await isThere(aside)) found.push(aside)
  if (found.length === 0 && entry().stage === 'accepted')
    throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { root: files.root })
  const made = new Set(own.flatMap((each) => each.files?.folder ?? []))
  const live = await Promise.all(swaps.map(({ place }) => realpath(place).catch(() => undefined)))
  const goes: string[] = []
  for (const path of found) {
    const leads = await realpath(path).catch(() => path)
    const isLive = live.some((each) => each === leads || each?.startsWith(`${leads}/`))
    if (isLive && !(await lstat(path)).isSymbolicLink())
      throw new LifeboatError('RESTORE_FILES_UNFIT', { problem: `what is in place leads into ${path}` })
    // A folder that a deployment made is its own business; one of ours is nobody's else, unless production was pointed back into it. It goes before the link to it, without which nobody would find it again.
    if (made.has(leads) && !isLive) goes.push(leads)
    goes.push(path)
  }
  for (const path of goes)
    for (const mount of await mountsAt(path))
      throw new LifeboatError('RESTORE_FILES_UNFIT', { problem: `${mount} is mounted in what is to be removed` })
  // Nothing brings it back.
  run.signal.throwIfAborted()
  await command.step('ready')
  const dropped: string[] = []
  for (const path of goes) {
    await rm(path, { recursive: true, force: true })
    dropped.push(path)
  }
  return { outcome: 'done', swapped: false, dropped }
}

function isSwappedBy({ settled, files }: Entry, beforeMs: number): boolean {
  return files?.swaps !== undefined && settled?.swapped === true && Date.parse(settled.at) <= beforeMs
}
