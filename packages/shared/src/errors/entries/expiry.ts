import type { CatalogueEntry } from './entry.ts'

/** Letting backups go, and stopping that. */
export const EXPIRY_ERRORS = {
  EXPIRY_PLAN_CHANGED: {
    title: 'The plan is not what it was when you looked at it',
    hint: 'Run `lifeboat expiry plan` again, look, and apply with the digest it prints.',
    retry: 'never',
    level: 'info',
  },
  EXPIRY_TOO_MUCH: {
    title: 'The plan lets go more than may go without a second look',
    hint: 'Look whether the rules under keep say what you mean; if they do, add --even-so. The first clean-up of what is backed up often needs it: nothing is known yet of how much stays.',
    retry: 'never',
    level: 'info',
  },
  EXPIRY_TOO_LATE: {
    title: 'No copy of this backup, or of one it needs, can be brought back',
    hint: '`lifeboat backup show` tells what became of each copy, of this backup and of the one that is needed; what is removed cannot be brought back.',
    retry: 'never',
    level: 'info',
  },
  HOLD_UNKNOWN: {
    title: 'There is no such hold',
    hint: 'Take the id from `lifeboat hold list --all`.',
    retry: 'never',
    level: 'info',
  },
} as const satisfies Record<string, CatalogueEntry>
