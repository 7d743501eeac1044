import { lstat } from 'node:fs/promises'
import { type SwapState, stateOf, swapPlaces } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Entry } from '../book.ts'

/**
 * Whether an earlier life of the agent had begun to put in place what a command is about. Then all of it is: the rest is done at once, for the service is still stopped
 * and half of a tree is nobody's.
 *
 * @throws LifeboatError RESTORE_FILES_UNFIT – the rest cannot be done
 */
export async function isBegun(entry: Entry): Promise<boolean> {
  if (entry.stage === 'swapped') return true
  const states = await statesOf(entry)
  if (states.every((state) => state === 'none')) return false
  await swapPlaces(entry.files?.swaps ?? [])
  return true
}

/**
 * Whether all of it is in place, asked when putting it there failed and undid what it had done.
 *
 * @throws LifeboatError RESTORE_SWAP_UNKNOWN – some of it is there all the same, and some is not
 */
export async function cameInPlace(entry: Entry): Promise<boolean> {
  const states = await statesOf(entry)
  if (states.every((state) => state === 'done')) return true
  if (states.every((state) => state === 'none')) return false
  throw new LifeboatError('RESTORE_SWAP_UNKNOWN', { problem: 'only some of it is in place', states })
}

async function statesOf({ stage, files }: Entry): Promise<SwapState[]> {
  return stage === 'swapping' && files?.swaps ? Promise.all(files.swaps.map(stateOf)) : ['none']
}

/** Links are not followed. */
export function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
