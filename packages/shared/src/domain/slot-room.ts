import type { WalState } from './wal.ts'

/** Of the room there would be without the slot: what it may take before somebody should know. */
export const SLOT_SHARE = 0.5

export type RoomVerdict =
  | { verdict: 'fine' }
  /** `neededBytes`: what it keeps and as much again as it grew by within the last hour · `roomBytes`: what is free and what it keeps */
  | { verdict: 'tight' | 'short'; neededBytes: number; roomBytes: number }
  /** Nobody who could look has looked. */
  | { verdict: 'unknown' }

/**
 * Whether the disk of pg_wal has room for what a slot keeps back, whatever the limits say that were configured. Pure. \`short\`: the next hour
 * fills it if it goes on like the last.
 */
export function judgeRoom({ retainedBytes, disk }: Pick<WalState['slot'], 'retainedBytes' | 'disk'>): RoomVerdict {
  if (disk === undefined) return { verdict: 'unknown' }
  const roomBytes = disk.freeBytes + retainedBytes
  const neededBytes = retainedBytes + disk.grewBytes
  if (neededBytes <= SLOT_SHARE * roomBytes) return { verdict: 'fine' }
  return { verdict: neededBytes >= roomBytes ? 'short' : 'tight', neededBytes, roomBytes }
}
