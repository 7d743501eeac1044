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
 * Puts all of it in place or, as far as renaming allows, nothing of it. Whoever dies in between does it again and comes to the same end; when one fails, those
 * before it are undone.
 *
 * A link takes the place of a link by one rename, so that there is no moment without one; files and folders take two.
 *
 * @throws LifeboatError RESTORE_FILES_UNFIT
 */
export async function swapPlaces(swaps: readonly PlaceSwap[]): Promise<void> {
  const made: PlaceSwap[] = []
  try {
    for (const swap of swaps) {
      if ((await stateOf(swap)) === 'done') continue
      await swapOne(swap)
      made.unshift(swap)
    }
  } catch (cause) {
    const problems = [(cause as Error).message]
    // One that cannot be undone does not keep the others from it.
    for (const swap of made) await undo(swap).catch((thrown: Error) => problems.push(thrown.message))
    throw new LifeboatError('RESTORE_FILES_UNFIT', { problem: problems.join('; ') }, { cause })
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

async function undo({ place, next, aside }: PlaceSwap): Promise<void> {
  const [here, kept] = await Promise.all([find(place), find(aside)])
  const isLink = here?.isSymbolicLink() && kept?.isSymbolicLink()
  if (isLink && next !== undefined) await symlink(await readlink(place), next)
  else if (next !== undefined) await rename(place, next)
  if (kept) await rename(aside, place)
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
