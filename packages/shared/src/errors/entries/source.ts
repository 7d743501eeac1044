import type { CatalogueEntry } from './entry.ts'

/** Between an agent and the database it backs up. */
export const SOURCE_ERRORS = {
  SOURCE_UNKNOWN: {
    title: 'No source or policy of this name is configured here',
    hint: 'Compare the name with `sources:` and `policies:` in the lifeboat.yaml of the service that answered.',
    retry: 'never',
    level: 'error',
  },
  SOURCE_KIND_UNFIT: {
    title: 'A policy asks of a source what sources of its kind do not have',
    hint: 'Policies of kind files want sources of kind files, all others a PostgreSQL database; `lifeboat config check` names the line.',
    retry: 'never',
    level: 'error',
  },
  SOURCE_UNREACHABLE: {
    title: 'The database server cannot be reached',
    hint: 'Look at host and port of the source, at the server, and at firewalls between it and the agent.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_AUTH_REFUSED: {
    title: 'PostgreSQL refused the login for this source',
    hint: 'Look at the secret named by the source, then at pg_hba.conf for the agent address.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_TLS_REFUSED: {
    title: 'No trusted TLS connection to the database server came about',
    hint: 'Compare sslmode and sslrootcert of the source with the certificate of the server (`ssl` and `ssl_cert_file` there).',
    retry: 'later',
    level: 'error',
  },
  SOURCE_DATABASE_MISSING: {
    title: 'The database of this source does not exist',
    hint: 'Compare `database` of the source with `psql -l` on the server; was it dropped or renamed?',
    retry: 'later',
    level: 'error',
  },
  SOURCE_DISK_FULL: {
    title: 'The database server has no room left on a disk',
    hint: 'Its own words are in the facts. Look at the disks of the server (`df`): its data, its WAL, its temporary files.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_RIGHTS_MISSING: {
    title: 'The role lacks rights that a complete backup needs',
    hint: 'Run `lifeboat source check`: it prints the exact GRANT.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_TABLE_MISSING: {
    title: 'A table that is to be exported, or a column of it, is not there',
    hint: 'Compare `tables` of the policy with `\\dt` on the server: was it dropped or renamed, or does its name need quotes?',
    retry: 'later',
    level: 'error',
  },
  SOURCE_QUERY_UNFIT: {
    title: 'A query of the policy cannot be exported',
    hint: 'Run it with psql as the role of the source: each column needs a name of its own, and it must give the same rows twice in one snapshot.',
    retry: 'never',
    level: 'error',
  },
  SOURCE_LOCKED: {
    title: 'A table stayed locked longer than the backup may wait',
    hint: 'Look in pg_locks and pg_stat_activity for an AccessExclusiveLock, or raise lockTimeout of the policy.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_CONNECTION_LOST: {
    title: 'The connection to the database broke during the backup',
    hint: 'Look at the server log for a restart, a crash or a terminated backend at that time.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_VERSION_UNSUPPORTED: {
    title: 'This PostgreSQL version is not supported',
    hint: 'Lifeboat backs up PostgreSQL 15 to 18.',
    retry: 'never',
    level: 'error',
  },

  SOURCE_REPLICATION_REFUSED: {
    title: 'PostgreSQL does not let this role replicate',
    hint: 'Do what the facts say under `fix`: an ALTER ROLE for a superuser, or a line for pg_hba.conf and a reload.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_REPLICATION_OFF: {
    title: 'The server is set up without replication',
    hint: 'Set wal_level = replica and max_wal_senders = 10 in postgresql.conf and restart the server.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_SENDERS_EXHAUSTED: {
    title: 'All WAL senders of the server are in use',
    hint: 'Raise max_wal_senders (needs a restart), or look in pg_stat_replication who holds them.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_STANDBY_UNFIT: {
    title: 'The standby cannot give a consistent backup now',
    hint: 'It was promoted meanwhile, or its primary writes WAL with full_page_writes = off: the facts hold its answer. Back up the primary, or switch full_page_writes on there.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_FILES_UNREADABLE: {
    title: 'The server cannot read its own files',
    hint: 'The facts hold its answer: look at the disk, at permissions in the data directory and at the server log.',
    retry: 'later',
    level: 'error',
  },
  SOURCE_PROTOCOL_BROKEN: {
    title: 'The server answered a replication command in a way nobody expects',
    hint: 'Is there a pooler or proxy (PgBouncer) between agent and server? Replication needs a direct connection.',
    retry: 'later',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
