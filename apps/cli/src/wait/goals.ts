import type { BackupState } from '@lifeboat/shared/domain/backup.ts'

/** How far a backup has to get before the waiting ends. */
export const GOALS = ['sealed', 'stored', 'proven'] as const
export type Goal = (typeof GOALS)[number]

/** What is proven is stored, and what is stored is sealed. */
const STATES: Record<Goal, readonly BackupState[]> = {
  sealed: ['sealed', 'stored', 'proven'],
  stored: ['stored', 'proven'],
  proven: ['proven'],
}

export function hasReached(goal: Goal, state: BackupState): boolean {
  return STATES[goal].includes(state)
}
