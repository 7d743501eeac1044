export interface CatalogueEntry {
  /** Constant sentence: logs and incidents group by it. */
  readonly title: string
  /** The next thing to look at, in the operator's words. */
  readonly hint: string
  readonly retry: 'now' | 'later' | 'never'
  readonly level: 'error' | 'warn' | 'info'
  /** Longest pause before another try, milliseconds; default five minutes. */
  readonly pauseMs?: number
  /** The first pause before it is tried again, where a second would be long; each further one is twice as long. */
  readonly firstPauseMs?: number
}

/** Every error an operator can meet. `docs/errors.md` is generated from this; retired codes stay listed. */
export const CATALOGUE = {
  INTERNAL: {
    title: 'Something failed that Lifeboat does not know by name',
    hint: 'Look in the log for the run id; the original error is there with its stack.',
    retry: 'later',
    level: 'error',
  },

  // SERVICE, RUN
  SERVICE_STOPPING: {
    title: 'The service is stopping and hands its work back',
    hint: 'Nothing to do: another instance, or this one after its restart, takes the work up again.',
    retry: 'now',
    level: 'info',
  },
  SERVICE_PORT_TAKEN: {
    title: 'The service cannot listen on its address',
    hint: 'Another process uses the port (`ss -ltnp`), or the address is not one of this host: compare `health` and `listen` in lifeboat.yaml.',
    retry: 'later',
    level: 'error',
  },
  RUN_CANCELLED: {
    title: 'The run was cancelled',
    hint: 'Start it again with `lifeboat backup now` when it is wanted.',
    retry: 'never',
    level: 'warn',
  },
  RUN_OVERDUE: {
    title: 'The run exceeded the time its policy allows',
    hint: 'Compare maxDuration of the policy with the last runs in `lifeboat backup list`; look for locks and slow targets.',
    retry: 'never',
    level: 'error',
  },
  RUN_TAKEN: {
    title: 'Another agent instance is working on this run',
    hint: 'Nothing to do: the run is looked at again after a pause, in case the other instance died.',
    retry: 'later',
    level: 'info',
    pauseMs: 30_000,
  },
  RUN_UNKNOWN: {
    title: 'No run of this id is in the ledger',
    hint: 'Look at `lifeboat status` or `lifeboat events --subject backup`; the id is complete, with policy, source and time.',
    retry: 'never',
    level: 'error',
  },
  RUN_ENDED: {
    title: 'The run has ended already',
    hint: 'Nothing to do: the facts name how it ended.',
    retry: 'never',
    level: 'error',
  },
  AGENT_NAME_TAKEN: {
    title: 'Another live agent already uses this name',
    hint: 'Give each agent its own name under `agents:` in lifeboat.yaml, or stop the other process.',
    retry: 'later',
    level: 'error',
  },

  // BUS
  BUS_BAD_MESSAGE: {
    title: 'A message does not have the shape its subject demands',
    hint: 'Compare the dead letter (`nats stream view LIFEBOAT_DEAD`) with docs/bus.md and look for an outdated or foreign publisher.',
    retry: 'never',
    level: 'error',
  },
  BUS_UNREACHABLE: {
    title: 'No NATS server answers',
    hint: 'Look at `bus.servers` in lifeboat.yaml, then whether nats-server runs and JetStream is on.',
    retry: 'later',
    level: 'error',
  },
  BUS_AUTH_REFUSED: {
    title: 'NATS refused the login',
    hint: 'Compare user, password, token or credentials under `bus` in lifeboat.yaml with the accounts of the NATS server.',
    retry: 'later',
    level: 'error',
  },
  BUS_SETTINGS_REFUSED: {
    title: 'NATS refuses the settings of a stream, consumer or bucket',
    hint: 'Compare the server answer in the facts with docs/bus.md; an older stream of the same name may have to be removed by hand.',
    retry: 'never',
    level: 'error',
  },
  BUS_CONTENDED: {
    title: 'Others kept changing an entry while it was being written',
    hint: 'It is tried again. If it repeats, look for several services that fight over one entry (`nats kv watch`).',
    retry: 'later',
    level: 'warn',
  },
  BUS_DELIVERIES_EXHAUSTED: {
    title: 'A message was delivered as often as allowed and never settled',
    hint: 'The worker probably dies while handling it: look at the service log around the last delivery.',
    retry: 'never',
    level: 'error',
  },

  // CONFIG
  CONFIG_INVALID: {
    title: 'The configuration has problems',
    hint: 'Run `lifeboat config check`: it lists every problem with its line.',
    retry: 'never',
    level: 'error',
  },
  CONFIG_UNREADABLE: {
    title: 'The configuration file cannot be read',
    hint: 'Give the path by --config or LIFEBOAT_CONFIG and look at the permissions of the file.',
    retry: 'never',
    level: 'error',
  },
  CONFIG_SECRET_MISSING: {
    title: 'A secret the configuration refers to is not there',
    hint: 'Set the environment variable or create the file the reference names.',
    retry: 'never',
    level: 'error',
  },

  CLI_USAGE: {
    title: 'The command cannot be understood as it stands',
    hint: 'Look at the command with --help.',
    retry: 'never',
    level: 'error',
  },

  // SOURCE
  SOURCE_UNKNOWN: {
    title: 'No source or policy of this name is configured here',
    hint: 'Compare the name with `sources:` and `policies:` in the lifeboat.yaml of the service that answered.',
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
  SOURCE_RIGHTS_MISSING: {
    title: 'The role lacks rights that a complete backup needs',
    hint: 'Run `lifeboat source check`: it prints the exact GRANT.',
    retry: 'later',
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

  // BASE, WAL
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
    hint: 'It was removed before it was off-site. A new base backup starts a new chain; the hole stays.',
    retry: 'never',
    level: 'error',
  },
  WAL_START_FOREIGN: {
    title: 'The place to go on from is not in the history of this server',
    hint: 'Another cluster, an older copy of it, or a branch that was left answers under this name. Look at the facts before anything else.',
    retry: 'never',
    level: 'error',
  },

  // TOOL
  TOOL_MISSING: {
    title: 'A program that is needed is not installed',
    hint: 'Run `pnpm run setup`, or install the package the facts name.',
    retry: 'later',
    level: 'error',
  },
  TOOL_FAILED: {
    title: 'A program ended with an error',
    hint: 'The last lines it wrote are in the facts under `stderr`.',
    retry: 'later',
    level: 'error',
  },
  TOOL_KILLED: {
    title: 'A program was killed',
    hint: 'Look for the out-of-memory killer (`dmesg`) or a person; the signal is in the facts.',
    retry: 'later',
    level: 'error',
  },

  // SPOOL
  SPOOL_FULL: {
    title: 'The spool is full and nothing leaves it',
    hint: 'Look at `lifeboat status`: too few targets take copies. Repair a target or raise spool.maxBytes.',
    retry: 'later',
    level: 'error',
  },
  SPOOL_DISK_FULL: {
    title: 'The disk under the spool is full',
    hint: 'Free space on the file system of spool.path or lower spool.maxBytes below what the disk has.',
    retry: 'later',
    level: 'error',
  },
  SPOOL_UNREADABLE: {
    title: 'Something in the spool cannot be read',
    hint: 'Look at the path and the disk under it: backups nobody else holds may lie there. Mend it, or move the folder of that backup out of spool.path, then start the agent again.',
    retry: 'later',
    level: 'error',
  },
  SPOOL_IN_USE: {
    title: 'Another process uses this spool folder',
    hint: 'Two agents need two spool.path folders; stop the other process or give this one its own.',
    retry: 'later',
    level: 'error',
  },
  PART_GONE: {
    title: 'The part is no longer where it was offered',
    hint: 'Look whether another target has the copy (`lifeboat backup show`); if none has, the backup is lost.',
    retry: 'later',
    level: 'warn',
  },
  AGENT_UNREACHABLE: {
    title: 'The agent that holds the part does not answer',
    hint: 'Look whether the agent runs and whether its `url` is reachable from the uploader.',
    retry: 'later',
    level: 'warn',
  },
  AGENT_REFUSED: {
    title: 'The agent does not accept the token of this uploader',
    hint: 'Compare the secret behind `agents.<name>.token` on the agent with the one on the uploader.',
    retry: 'later',
    level: 'error',
  },

  // ARTIFACT
  ARTIFACT_TRUNCATED: {
    title: 'An artifact ends before its contents do',
    hint: 'The tool stopped early although it reported success: look at its stderr in the log.',
    retry: 'later',
    level: 'error',
  },
  ARTIFACT_DIGEST_MISMATCH: {
    title: 'The bytes of an artifact are not the ones that were sealed',
    hint: 'This copy is damaged. Another target may hold a good one: `lifeboat drill run --target`.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_PART_MISSING: {
    title: 'A part that the manifest lists is missing',
    hint: 'This copy is incomplete; look who removed objects from the bucket.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_SURPLUS_PART: {
    title: 'The copy holds an object that the manifest does not list',
    hint: 'Somebody wrote into the backup folder; look at the access log of the bucket.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_KEY_WRONG: {
    title: 'The artifact cannot be decrypted with this identity',
    hint: 'Compare `recipients` in the manifest with the public key of the identity the verifier uses.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_UNREADABLE: {
    title: 'An artifact cannot be decrypted or unpacked',
    hint: 'The facts name the program that refused it and its last lines.',
    retry: 'never',
    level: 'error',
  },
  MANIFEST_MISSING: {
    title: 'There is no manifest, so there is no backup',
    hint: 'The copy was never completed, or somebody removed its manifest.json.',
    retry: 'never',
    level: 'error',
  },
  MANIFEST_TAMPERED: {
    title: 'The signature of a manifest or of evidence does not hold',
    hint: 'Compare the public key in `signers` with the agent that made it; otherwise somebody changed the document.',
    retry: 'never',
    level: 'error',
  },

  // TARGET
  TARGET_UNREACHABLE: {
    title: 'The target does not answer, or answers that it cannot now',
    hint: 'Look at endpoint, DNS and the provider status page. Work for it waits and is done when it is back.',
    retry: 'later',
    level: 'warn',
  },
  TARGET_REFUSED: {
    title: 'The target refuses the credentials or the operation',
    hint: 'Run `lifeboat target check`; compare the needed rights in docs/targets.md with the role of the key.',
    retry: 'later',
    level: 'error',
  },
  TARGET_MISSING: {
    title: 'The bucket, container or folder of the target does not exist',
    hint: 'Create it or correct its name; Lifeboat never creates buckets by itself.',
    retry: 'later',
    level: 'error',
  },
  TARGET_FULL: {
    title: 'The target has no room left',
    hint: 'Raise the quota or free space; expiry removes only what its policy allows.',
    retry: 'later',
    level: 'error',
  },
  TARGET_KEY_TAKEN: {
    title: 'Another object already lies under this key',
    hint: 'Keys are never rewritten. Look who else writes below this prefix, or give this fleet its own prefix.',
    retry: 'never',
    level: 'error',
  },
  TARGET_KEY_ABSENT: {
    title: 'No object lies under this key',
    hint: 'It was never stored there, or somebody removed it.',
    retry: 'never',
    level: 'error',
  },
  TARGET_HELD: {
    title: 'The object is under a lock or a hold',
    hint: 'That is its purpose. Wait for the retention to end or release the hold at the provider.',
    retry: 'never',
    level: 'warn',
  },
  TARGET_CHECKSUM_MISMATCH: {
    title: 'The target holds or received other bytes than were sent',
    hint: 'The transfer is tried again; if it repeats, look for a faulty proxy or store.',
    retry: 'later',
    level: 'error',
  },
  TARGET_UNFIT: {
    title: 'The target failed its conformance check',
    hint: 'Run `lifeboat target check NAME`: each failed case says what it demands of the store.',
    retry: 'never',
    level: 'error',
  },
  TARGET_UNKNOWN: {
    title: 'No target of this name is configured here',
    hint: 'Compare the name with `targets:` in lifeboat.yaml.',
    retry: 'never',
    level: 'error',
  },
  COPY_INCOMPLETE: {
    title: 'Not every part has reached the target yet',
    hint: 'Nothing to do: the manifest follows when the parts are there. `lifeboat backup show` lists what is missing.',
    retry: 'later',
    level: 'info',
    firstPauseMs: 100,
    pauseMs: 10_000,
  },

  // BACKUP, DRILL
  BACKUP_UNKNOWN: {
    title: 'No backup of this id is in the catalogue',
    hint: 'Look at `lifeboat backup list`; the id is complete, with time, kind and suffix.',
    retry: 'never',
    level: 'error',
  },
  BACKUP_ABANDONED: {
    title: 'The backup was given up before it was complete',
    hint: 'Its run was tried again under a new backup id; look at `lifeboat backup list`.',
    retry: 'never',
    level: 'info',
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

  // RECOVERY
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

  // ALERT
  ALERT_NOT_SENT: {
    title: 'An alert could not be handed to its channel',
    hint: 'It stays in the outbox and is tried again. Look at the SMTP server and the credentials under `alerting`.',
    retry: 'later',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof CATALOGUE
export const ERROR_CODES = Object.keys(CATALOGUE) as [ErrorCode, ...ErrorCode[]]
