import { lstat, open, readlink, rename, symlink, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** One file, folder or link in the place of another; everything is on one disk. */
export interface PlaceSwap {
  /** Where everybody looks. */
  place: string
  /** What is to be there; undefined: nothing is to be there. */
  next?: string | undefined
  /** Where that goes which is there, if there is something. */
  aside: string
  /** Whether something was there when this was decided; what a hook or the service made or removed since shows at `aside`. */
  was: boolean
}

/** `half`: somebody died between the two renames. */
export type SwapState = 'none' | 'half' | 'done'

/**
 * Puts all of it in place or, as far as renaming allows, nothing of it. Whoever dies in between does it again and comes to the same end; when one fails, all of
 * them are undone, those of an earlier life as well. What came up meanwhile at a place whose own is kept gives way to that, as `<aside>_again`.
 *
 * A link takes the place of a link by one rename, so that there is no moment without one; files and folders take two.
 *
 * @throws LifeboatError RESTORE_FILES_UNFIT
 */
export async function swapPlaces(swaps: readonly PlaceSwap[]): Promise<void> {
  const made = new Set<PlaceSwap>()
  try {
    for (const swap of swaps) {
      if ((await stateOf(swap)) === 'done') continue
      await swapOne(swap)
      made.add(swap)
    }
  } catch (cause) {
    const problems = new Set([(cause as Error).message])
    // One that cannot be undone does not keep the others from it.
    for (const swap of swaps.toReversed())
      await undo(swap, made.has(swap), (told) => problems.add(told)).catch(({ message }: Error) =>
        problems.add(message),
      )
    throw new LifeboatError('RESTORE_FILES_UNFIT', { problem: [...problems].join('; ') }, { cause })
  }
  for (const folder of new Set(swaps.map(({ place }) => dirname(place)))) await sync(folder)
}

/** How far an earlier life came with it. */
export async function stateOf({ place, next, aside }: PlaceSwap): Promise<SwapState> {
  const [here, comes, kept] = await Promise.all([find(place), next === undefined ? undefined : find(next), find(aside)])
  if (next === undefined) return here ? (kept ? 'half' : 'none') : 'done'
  if (!comes) return here ? 'done' : 'half'
  if (here?.isSymbolicLink() && comes.isSymbolicLink()) return 'none'
  return kept ? 'half' : 'none'
}

async function swapOne({ place, next, aside }: PlaceSwap): Promise<void> {
  const [here, comes, kept] = await Promise.all([find(place), next === undefined ? undefined : find(next), find(aside)])
  if (next !== undefined && here?.isSymbolicLink() && comes?.isSymbolicLink()) {
    const leads = await readlink(place)
    if (!kept) await symlink(leads, aside)
    else if (leads !== (await readlink(aside))) throw new Error(`something else is at ${aside}`)
    await rename(next, place).catch((thrown) => unlink(aside).then(() => Promise.reject(thrown)))
    return
  }
  if (here && kept) throw new Error(`something is at ${place} again, though what was there is kept as ${aside}`)
  if (here) await rename(place, aside)
  if (next === undefined) return
  try {
    await rename(next, place)
  } catch (thrown) {
    if (here) await rename(aside, place)
    throw thrown
  }
}

/**
 * @param ours this life made it, and knows of a place that was empty by then
 * @param tell what nobody but whoever reads this will remove
 */
async function undo(swap: PlaceSwap, ours: boolean, tell: (problem: string) => void): Promise<void> {
  const state = await stateOf(swap)
  if (state === 'none') return
  const { place, next, aside, was } = swap
  const [here, comes, kept] = await Promise.all([find(place), next === undefined ? undefined : find(next), find(aside)])
  if (state === 'half') {
    if (next !== undefined && !comes) throw new Error(`${next} is gone, and nothing is at ${place}`)
    if (here) tell(await giveWay(place, `${aside}_again`))
  } else if (next !== undefined) {
    if (!kept && was && !ours) throw new Error(`${aside} is gone, so what is at ${place} stays`)
    if (here?.isSymbolicLink() && kept?.isSymbolicLink()) await symlink(await readlink(place), next)
    else await rename(place, next)
  }
  if (kept) await rename(aside, place)
}

async function giveWay(place: string, away: string): Promise<string> {
  if (await find(away)) throw new Error(`something is at ${away} as well`)
  await rename(place, away)
  return `${place} was taken meanwhile: what was there is kept as ${away}, and has to be removed by hand`
}

/** Links are not followed. */
export function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

function find(path: string) {
  return lstat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined
    throw thrown
  })
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync()
  await handle.close()
}
