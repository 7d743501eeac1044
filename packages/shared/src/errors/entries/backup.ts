import type { CatalogueEntry } from './entry.ts'

/** Backups, copies and drills as a whole. */
export const BACKUP_ERRORS = {
  BACKUP_UNKNOWN: {
    title: 'No backup of this id is in the catalogue',
    hint: 'Look at `lifeboat backup list`; the id is complete, with time, kind and suffix.',
    retry: 'never',
    level: 'error',
  },
  BACKUP_POINT_UNKNOWN: {
    title: 'No recovery point of this id is known',
    hint: 'Look at `lifeboat status` or `lifeboat backup list`; the id is that of a set with the time of its slot, e.g. weekly.20260927T010000Z.',
    retry: 'never',
    level: 'error',
  },
  BACKUP_ABANDONED: {
    title: 'The backup was given up before it was complete',
    hint: 'Its run was tried again under a new backup id; look at `lifeboat backup list`.',
    retry: 'never',
    level: 'info',
  },
  DRILL_POINT_UNPROVEN: {
    title: 'No heartbeat shows that recovery came to the moment it names',
    hint: 'Either none was written shortly before that moment, or the WAL that held it is gone. Was the agent away then, or may its role not write the row (`lifeboat source check`)? A drill to another moment tells more: `lifeboat drill run --to-time random`.',
    retry: 'never',
    level: 'warn',
  },
  DRILL_HEARTBEAT_UNDESCRIBED: {
    title: 'The source has a heartbeat, and the configuration of this verifier does not say where',
    hint: 'Write the `wal` section of the source into the configuration on the verifier’s host as well, with the `heartbeat` its agent has; the next drill looks at the row then.',
    retry: 'never',
    level: 'warn',
  },
  DRILL_UNKNOWN: {
    title: 'No drill of this id is known',
    hint: 'Look at `lifeboat backup show`: it names the last drill of each copy. Evidence of older drills lies beside the backup at the target.',
    retry: 'never',
    level: 'error',
  },
  DRILL_SCRATCH_UNAVAILABLE: {
    title: 'No scratch server could be started for the drill',
    hint: 'Look at verifier.scratchPath (space, permissions) and whether PostgreSQL of that major version is installed on the verifier.',
    retry: 'later',
    level: 'error',
  },
  DRILL_RESTORE_FAILED: {
    title: 'The backup could not be restored',
    hint: 'The tool and its last lines are in the facts and in the evidence. Keep older backups until this is understood.',
    retry: 'never',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
