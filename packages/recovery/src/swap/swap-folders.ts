import { open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface FolderSwap {
  /** Where everybody looks. */
  place: string
  /** What is to be there. */
  next: string
  /** Where that goes which is there now; undefined: nothing is. */
  aside: string | undefined
}

/**
 * Puts a folder in the place of another by two renames; all three are on one disk. Whoever dies in between does it again and comes to the same end;
 * when the second fails, the first is undone.
 */
export async function swapFolders({ place, next, aside }: FolderSwap): Promise<void> {
  if (aside !== undefined && (await isThere(place))) await rename(place, aside)
  try {
    await rename(next, place)
  } catch (thrown) {
    if (aside !== undefined && (await isThere(aside)) && !(await isThere(place))) await rename(aside, place)
    throw thrown
  }
  const folder = await open(dirname(place))
  await folder.sync()
  await folder.close()
}

/** Does the second rename where somebody died between the two: nothing is in the place then, and both candidates are beside it. */
export async function finishSwap(swap: FolderSwap): Promise<void> {
  const { place, next, aside } = swap
  if (aside === undefined || (await isThere(place))) return
  if ((await isThere(aside)) && (await isThere(next))) await swapFolders(swap)
}

export function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
