/** What a folder that may take the temporary files of a run is like. */
export interface Place {
  /** It lies in memory. */
  inMemory: boolean
  /** Programs in it may be run; containers often forbid it. */
  runsPrograms: boolean
  freeBytes: number
  /** How many more files it takes. */
  freeFiles: number
}

/** One value of 300 MB on its way through dump and restore takes 2.1 GB, and what runs beside it some hundreds of megabytes. */
const ROOM_BYTES = 6 * 2 ** 30
/** A slow test makes a million. */
const ROOM_FILES = 1_500_000
/** What is in memory takes it from servers and services, and from whatever else this machine does. */
const MEMORY_BYTES = 10 * 2 ** 30

/**
 * Why the temporary files of a run of tests do not go into memory; undefined when they may.
 *
 * @param availableBytes of memory, what caches would give back included
 */
export function whyNotInMemory(place: Place | undefined, availableBytes: number): string | undefined {
  if (place === undefined || !place.inMemory) return 'there is no such folder'
  if (!place.runsPrograms) return 'no program may be run there'
  if (place.freeBytes < ROOM_BYTES) return 'it has no room for them'
  if (place.freeFiles < ROOM_FILES) return 'it does not take so many files'
  if (availableBytes < MEMORY_BYTES) return 'memory is short'
  return undefined
}
