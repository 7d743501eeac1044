import { lstat } from 'node:fs/promises'
import { stateOf } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Entry } from '../book.ts'

/**
 * Whether what a command was to put in place is there, by an earlier life of the agent or this one.
 *
 * @throws LifeboatError RESTORE_SWAP_UNKNOWN – some of it is and some is not
 */
export async function isInPlace({ stage, files }: Entry): Promise<boolean> {
  if (stage === 'swapped') return true
  if (stage !== 'swapping' || !files?.swaps) return false
  const states = await Promise.all(files.swaps.map(stateOf))
  if (states.every((state) => state === 'done')) return true
  if (states.every((state) => state === 'none')) return false
  throw new LifeboatError('RESTORE_SWAP_UNKNOWN', { problem: 'only some of it is in place', states })
}

/** Links are not followed. */
export function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
