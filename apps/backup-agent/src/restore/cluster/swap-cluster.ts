import { rm } from 'node:fs/promises'
import { isThere, type PlaceSwap, swapPlaces } from '@lifeboat/recovery/swap/swap-places.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { aroundSwap, type SwapWork } from '../around-swap.ts'
import type { Command } from '../command.ts'
import { asidePath, cameInPlace, isBegun } from '../places.ts'
import type { Ending } from '../tell.ts'
import { demandStopped } from './demand-stopped.ts'

/** What gets the place of a data directory, and why what is there is put aside. */
export interface ClusterSwap {
  place: string
  next: string
  why: 'before' | 'reverted'
}

/** Stop hook, swap, start hook, look. @throws LifeboatError – nothing has changed */
export async function swapCluster(command: Command, about: ClusterSwap): Promise<Ending> {
  return aroundSwap(command, workOf(command, await swapOf(command, about)))
}

/** The rest of a swap that an earlier life of the agent had begun. undefined: none had. */
export async function goOnSwapping(command: Command, about: ClusterSwap): Promise<Ending | undefined> {
  const begun = await swapBegun(command, about)
  if (!(await isBegun(command.entry(), [begun], () => putInPlace(command, begun)))) return undefined
  return aroundSwap(command, { done: true, swap: undefined })
}

/** What is there is named for the time of its swap: a release lets go of what was put aside before it was signed. */
async function swapOf({ deps }: Command, { place, next, why }: ClusterSwap): Promise<PlaceSwap> {
  return { place, next, aside: await asidePath(place, why, deps.clock.now()), was: await isThere(place) }
}

/** As an earlier life of the agent named it, if one did: it may be on its way to that name. */
async function swapBegun(command: Command, about: ClusterSwap): Promise<PlaceSwap> {
  const { aside } = command.entry()
  return { ...(await swapOf(command, about)), ...(aside !== undefined && { aside, was: true }) }
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

/** What was beside the data directory is of no use any more. */
export async function withCluster({ entry }: Command, folder: string, ending: Ending): Promise<Ending> {
  await rm(folder, { recursive: true, force: true })
  const { cluster } = entry()
  return { ...ending, ...(cluster && { cluster }) }
}
