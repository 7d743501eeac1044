import { basename, dirname, join } from 'node:path'
import { asideName } from '@lifeboat/recovery/swap/aside-names.ts'
import { isThere, type PlaceSwap, type SwapState, stateOf, swapPlaces } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Entry } from './book.ts'

/** A name that is free: two commands may come within a second. */
export async function asidePath(place: string, why: 'before' | 'reverted', atMs: number): Promise<string> {
  for (let ms = atMs; ; ms += 1000) {
    const path = join(dirname(place), asideName(basename(place), why, ms))
    if (!(await isThere(path))) return path
  }
}

/**
 * Whether an earlier life of the agent had begun to put in place what a command is about. Then all of it is: the rest is done at once, for the service is still stopped
 * and half of it is nobody's.
 *
 * @param rest puts it in place
 * @throws LifeboatError RESTORE_FILES_UNFIT | RESTORE_CLUSTER_UNFIT – the rest cannot be done
 */
export async function isBegun(
  { stage }: Entry,
  swaps: readonly PlaceSwap[],
  rest = () => swapPlaces(swaps),
): Promise<boolean> {
  if (stage === 'swapped') return true
  const states = await statesOf(stage, swaps)
  if (states.every((state) => state === 'none')) return false
  // Where all of it is there, it remains to see that it is on the disk.
  await (states.every((state) => state === 'done') ? swapPlaces(swaps) : rest())
  return true
}

/**
 * Whether all of it is in place, asked when putting it there failed and undid what it had done.
 *
 * @throws LifeboatError RESTORE_SWAP_UNKNOWN – some of it is there all the same, and some is not
 */
export async function cameInPlace({ stage }: Entry, swaps: readonly PlaceSwap[]): Promise<boolean> {
  const states = await statesOf(stage, swaps)
  if (states.every((state) => state === 'done')) return true
  if (states.every((state) => state === 'none')) return false
  throw new LifeboatError('RESTORE_SWAP_UNKNOWN', { problem: 'only some of it is in place', states })
}

async function statesOf(stage: Entry['stage'], swaps: readonly PlaceSwap[]): Promise<SwapState[]> {
  return stage === 'swapping' ? Promise.all(swaps.map(stateOf)) : ['none']
}
