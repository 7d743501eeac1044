import type { CatalogueEntry } from './entry.ts'

/** While a base is taken or WAL is kept. */
export const PHYSICAL_ERRORS = {
  BASE_COMPRESSION_UNSUPPORTED: {
    title: 'The server cannot compress as asked',
    hint: 'It was built without zstd, or without its threads: choose another compression for this policy, or fewer workers.',
    retry: 'never',
    level: 'error',
  },
  BASE_INCREMENTAL_UNSUPPORTED: {
    title: 'This server cannot take incremental backups',
    hint: 'PostgreSQL 17 or newer with summarize_wal = on can. Set it and reload, or use kind `base` in this policy.',
    retry: 'never',
    level: 'error',
  },
  BASE_FOREIGN: {
    title: 'What is kept under this source name belongs to another cluster',
    hint: 'The system identifiers differ: the cluster was made anew (initdb, pg_upgrade, pg_resetwal), or two use one name. Give this one a source name of its own; what was kept stays recoverable under the old one.',
    retry: 'never',
    level: 'error',
  },
  BASE_CHECKSUMS_FAILED: {
    title: 'The server found damaged pages while it was backed up',
    hint: 'The backup holds them as they are. Find the table (pg_filenode_relation), restore it from an older proven backup, and look at the disk.',
    retry: 'never',
    level: 'error',
  },
  BASE_SUMMARIES_MISSING: {
    title: 'The WAL summaries since the parent backup are not all there',
    hint: 'A full backup is needed, which is taken by itself. Compare wal_summary_keep_time with the time between backups.',
    retry: 'never',
    level: 'warn',
  },
  BASE_PARENT_UNFIT: {
    title: 'The server refuses the parent of an incremental backup',
    hint: 'It belongs to another cluster or to a timeline that was left; a full backup is needed, which is taken by itself.',
    retry: 'never',
    level: 'warn',
  },
  WAL_SLOT_MISSING: {
    title: 'The replication slot does not exist',
    hint: 'Somebody dropped it, or this is another server. WAL since then may be lost: a new base backup starts a new chain.',
    retry: 'later',
    level: 'error',
  },
  WAL_SLOT_EXISTS: {
    title: 'A replication slot of this name exists already',
    hint: 'Nothing to do: it is used as it is. Look at pg_replication_slots when that is a surprise.',
    retry: 'never',
    level: 'info',
  },
  WAL_SLOT_IN_USE: {
    title: 'Somebody else streams from this replication slot',
    hint: 'Look at pg_replication_slots for its process; each agent needs a slot of its own.',
    retry: 'later',
    level: 'warn',
    pauseMs: 30_000,
  },
  WAL_SLOT_INVALIDATED: {
    title: 'The server gave up keeping WAL for the replication slot',
    hint: 'It fell behind max_slot_wal_keep_size. Drop the slot; a new base backup starts a new chain.',
    retry: 'later',
    level: 'error',
  },
  WAL_SLOT_GIVEN_UP: {
    title: 'The replication slot was given up before it filled the disk of the server',
    hint: 'Too few targets took WAL for too long. The hole is recorded and a new base is asked for; mend the targets, or raise retained.giveUp.',
    retry: 'now',
    level: 'error',
  },
  WAL_SLOTS_EXHAUSTED: {
    title: 'The server has no room for another replication slot',
    hint: 'Raise max_replication_slots (needs a restart), or drop slots nobody uses: pg_replication_slots.',
    retry: 'later',
    level: 'error',
  },
  WAL_REMOVED: {
    title: 'The server no longer has the WAL that is asked for',
    hint: 'It was removed before it was off-site, by somebody or by pg_resetwal. The hole is recorded, WAL goes on behind it, and a new base starts a new chain.',
    retry: 'never',
    level: 'error',
  },
  WAL_REWRITTEN: {
    title: 'The server writes other WAL to places of which the archive has WAL already',
    hint: 'pg_resetwal began it anew, or an older copy of the data directory was put in place. Nothing at a target is overwritten: WAL goes on behind the hole, and a new base is asked for, once the server has come to the place under goesOnAt. Each `SELECT pg_switch_wal()` takes it a segment further.',
    retry: 'later',
    level: 'error',
  },
  WAL_START_FOREIGN: {
    title: 'The place to go on from is not in the history of this server',
    hint: 'Another cluster, an older copy of it, or a branch that was left answers under this name. Look at the facts before anything else.',
    retry: 'never',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
