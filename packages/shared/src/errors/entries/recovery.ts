import type { CatalogueEntry } from './entry.ts'

/** Planning and running a recovery through the WAL archive. */
export const RECOVERY_ERRORS = {
  DRILL_MACHINE_UNLIKE: {
    title: 'The machine of the drill lacks what this cluster was built with',
    hint: 'Install the packages of the extensions the facts name, or run the verifier on the operating system of the source: its libraries and collations must be the same.',
    retry: 'later',
    level: 'error',
  },
  RECOVERY_TIME_UNZONED: {
    title: 'The time to recover to says nothing about its zone',
    hint: 'Write it with an offset: 2026-09-26T14:00:00+02:00, or …Z for UTC.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_GOAL_UNREADABLE: {
    title: 'The point to recover to cannot be understood',
    hint: 'Give a time with offset, a log position like 16/B374D848, a transaction number, the name of a restore point, or `latest`.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_IN_FUTURE: {
    title: 'The time to recover to has not come yet',
    hint: 'Compare it with the clock and look at its offset; `latest` goes as far as there is WAL.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_BEFORE_WINDOW: {
    title: 'The point to recover to lies before everything that is kept',
    hint: 'The facts name the earliest point there is. Older backups may lie at another target.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_INSIDE_BASE: {
    title: 'The point to recover to lies inside a base backup, and no older one leads there',
    hint: 'A base is consistent only at its end: choose that moment or a later one. The facts name it.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_IN_GAP: {
    title: 'WAL is missing on the way to the point to recover to',
    hint: 'The facts name the last position before the hole. Another target may have the missing objects: `lifeboat wal audit`.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_BEYOND_ARCHIVE: {
    title: 'The point to recover to lies behind the end of the archived WAL',
    hint: 'Recover to `latest`, or wait until WAL of that time has arrived at the target.',
    retry: 'later',
    level: 'error',
  },
  RECOVERY_NO_BASE: {
    title: 'No base backup leads to the point to recover to',
    hint: 'Look at `lifeboat backup list`: a base or an incremental of this source must have ended before that point, on the same timeline.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_PARENT_MISSING: {
    title: 'A backup that an incremental is built on is not there',
    hint: 'Without its parent an incremental is worthless. Look at other targets; the next full base starts a new chain.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_TIMELINE_UNKNOWN: {
    title: 'The timeline to recover along is not known at this target',
    hint: 'The facts list those that are. The history file of a timeline must be in the archive before recovery can follow it.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_NO_ROOM: {
    title: 'The disk is too small for what is to be restored',
    hint: 'The facts say how much is needed and how much there is. Nothing was fetched yet.',
    retry: 'later',
    level: 'error',
  },
  RECOVERY_ENDED_EARLY: {
    title: 'Recovery ended before the point it was to reach',
    hint: 'The archived WAL ends earlier than it should, or no transaction committed at or after that point. The facts name where it ended.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_REFUSED: {
    title: 'PostgreSQL could not recover the cluster',
    hint: 'The last lines of its log are in the facts.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_COMBINE_FAILED: {
    title: 'The backups of a chain cannot be put together',
    hint: 'pg_combinebackup and its last lines are in the facts. An older chain or a full base may be whole.',
    retry: 'never',
    level: 'error',
  },
  RECOVERY_FILES_DAMAGED: {
    title: 'The restored files are not those the server backed up',
    hint: 'pg_verifybackup and its last lines are in the facts. Another target may hold a good copy.',
    retry: 'never',
    level: 'error',
  },
  WAL_MISSING: {
    title: 'A part of the archived WAL is missing, and later parts are there',
    hint: 'Another target may have it: `lifeboat wal audit`. Recovery stops before the hole rather than end there in silence.',
    retry: 'never',
    level: 'error',
  },
  WAL_DAMAGED: {
    title: 'An object of the WAL archive is not what its name says',
    hint: 'It was truncated, exchanged or damaged at this target. Another target may hold a good one.',
    retry: 'never',
    level: 'error',
  },
  WAL_FOREIGN: {
    title: 'The WAL at this target belongs to another cluster',
    hint: 'The system identifiers differ: two clusters use one source name, or the cluster was made anew. Give the new one a name of its own.',
    retry: 'never',
    level: 'error',
  },
  WAL_AMBIGUOUS: {
    title: 'The archive holds two different contents for one place of the WAL',
    hint: 'Two servers wrote the same timeline: after a failover the old primary went on. Compare the objects the facts name.',
    retry: 'never',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
