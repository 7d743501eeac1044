import { TableName } from '@lifeboat/postgres/table-export/table-name.ts'
import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { AgentId, BackupKind, FleetId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { ByteSize, Duration } from '@lifeboat/shared/time/duration.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { z } from 'zod'
import { SourceConfig } from './source-config.ts'

const Listen = z.string().regex(/^[^\s:]*:\d{1,5}$/, 'host:port, e.g. 127.0.0.1:7461')

export const BusSection = z.strictObject({
  servers: z
    .array(z.string().regex(/^(nats|tls|ws|wss):\/\//, 'a NATS URL, e.g. nats://127.0.0.1:4222'))
    .min(1)
    .describe('NATS servers; any one of a cluster is enough, several survive the loss of one.'),
  user: z.string().optional().describe('NATS user, together with password.'),
  password: SecretRef.optional().describe('Password of the NATS user.'),
  token: SecretRef.optional().describe('NATS token, where the server asks for one instead of a user.'),
  credentials: SecretRef.optional().describe('NATS .creds contents.'),
  ca: z.string().optional().describe('CA file for TLS.'),
  replicas: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('JetStream replicas of every stream and bucket; 3 on a three-node cluster.'),
})

export const AgentSection = z.strictObject({
  url: z.url().describe('How uploaders reach the spool of this agent, e.g. http://db1:7461'),
  listen: Listen.default('127.0.0.1:7461').describe('Where the agent serves its spool.'),
  token: SecretRef.describe('Shared by this agent and the uploaders: who has it may read encrypted parts.'),
  signingKey: SecretRef.describe('Private signing key made by `lifeboat key new`; only this agent needs it.'),
  spool: z.strictObject({
    path: z
      .string()
      .regex(/^\//, 'an absolute path')
      .describe(
        'A folder of this agent alone; made when it is missing. An uploader on the same host that may read it does.',
      ),
    maxBytes: ByteSize.default(10 * 1024 ** 3).describe(
      'Room for parts that wait for the uploaders; when it is full the dump waits.',
    ),
    partBytes: ByteSize.default(64 * 1024 ** 2).describe('Size of a part: the unit of transport, retry and storage.'),
  }),
  toolPaths: z
    .array(z.string())
    .default([])
    .describe('Folders with PostgreSQL programs, looked at before the usual places.'),
})

const count = (what: string) => z.int().min(1).optional().describe(what)

/** What of the backups of a policy stays; asked of proven ones only. */
const keepRules = {
  last: count('The newest so many.'),
  hourly: count('The newest of each of the last so many hours that have a backup.'),
  daily: count('The newest of each of the last so many days that have a backup, as the zone of the schedule has days.'),
  weekly: count('The newest of each of the last so many weeks that have a backup; weeks begin on Monday.'),
  monthly: count('The newest of each of the last so many months that have a backup.'),
  yearly: count('The newest of each of the last so many years that have a backup.'),
  within: Duration.optional().describe('Everything this much older than the newest proven backup, and younger.'),
  minAge: Duration.default(86_400_000).describe('A copy younger than this stays whatever the rules say.'),
}

const KeepSection = z.strictObject({
  ...keepRules,
  targets: z
    .record(TargetId, z.strictObject(keepRules))
    .default({})
    .describe('Rules of their own for single targets; they stand instead of the ones above, not beside them.'),
})

export const PolicySection = z.strictObject({
  sources: z.array(SourceId).min(1).describe('Names under `sources`; each gets runs of its own.'),
  kind: BackupKind.describe(
    'What is taken: dump is one database with its roles and a fingerprint; base is the whole cluster, byte by byte; incremental is what changed in it since the backup before (PostgreSQL 17 on), a base where there is none; files is a tree of files, or what changed in it since the backup before; tables is listed tables as CSV.',
  ),
  schedule: z.strictObject({
    cron: z.string().describe('Five fields, or six with seconds first.'),
    zone: z.string().default('UTC').describe('IANA time zone, e.g. Europe/Berlin; daylight saving is honoured.'),
    jitter: Duration.default(0).describe(
      'Spreads many sources over this long; the same run always gets the same delay.',
    ),
    onChange: z
      .strictObject({
        every: Duration.default(30_000).describe('How often its agent looks at names, sizes and times.'),
      })
      .optional()
      .describe(
        'For the kind files: a run as well when something changed and was the same at the next look. A run that finds nothing changed refers to the one before.',
      ),
  }),
  targets: z.array(TargetId).min(1).describe('Names under `targets`; every backup goes to all of them.'),
  copies: z
    .strictObject({
      required: z
        .int()
        .positive()
        .default(1)
        .describe('Targets that must hold a backup before it counts as stored and the spool lets it go.'),
    })
    .prefault({})
    .describe('How many copies are enough.'),
  compressionLevel: z.int().min(1).max(19).default(3).describe('zstd level; above 3 costs much time for little room.'),
  base: z
    .strictObject({
      compressionLevel: z
        .int()
        .min(1)
        .max(19)
        .default(1)
        .describe('zstd level inside the server; level 3 takes half as long again for a tenth less room.'),
      workers: z
        .int()
        .min(0)
        .max(64)
        .default(2)
        .describe('zstd threads inside the server; 0 compresses in the one that reads.'),
      maxRate: ByteSize.optional().describe('Bytes a second the server may read at most; default as fast as it can.'),
      checkpoint: z
        .enum(['fast', 'spread'])
        .default('fast')
        .describe('fast begins at once with a burst of writing; spread waits for the next checkpoint.'),
      maxChain: z
        .int()
        .min(1)
        .max(100)
        .default(6)
        .describe('Incrementals in a row before the next one is a full base again.'),
    })
    .prefault({})
    .describe('For the kinds base and incremental.'),
  files: z
    .strictObject({
      maxChain: z
        .int()
        .min(0)
        .max(100)
        .default(6)
        .describe(
          'Backups in a row that hold only what changed before the next one is full again; 0: every one is full.',
        ),
    })
    .prefault({})
    .describe('For the kind files.'),
  fingerprint: z
    .strictObject({
      hashTablesUpTo: ByteSize.default(100 * 1024 ** 3).describe(
        'Tables larger than this are fingerprinted by row count only.',
      ),
    })
    .prefault({}),
  lockTimeout: Duration.default(300_000).describe('How long a dump waits for a locked table.'),
  maxDuration: Duration.default(6 * 3_600_000).describe('A run that takes longer is cancelled and reported.'),
  grace: Duration.default(15 * 60_000).describe('A run that has not begun this long after its time is late.'),
  catchUp: z
    .enum(['latest', 'all', 'none'])
    .default('latest')
    .describe('What to do after downtime with the runs that were missed; each one is recorded either way.'),
  overlap: z
    .enum(['skip', 'queue'])
    .default('skip')
    .describe('What to do when a run is due while the one before still runs.'),
  drill: z
    .strictObject({
      targets: z
        .enum(['rotate', 'each'])
        .default('rotate')
        .describe('rotate: every backup is drilled from one target, by turns; each: from every target.'),
      recoverTo: z
        .enum(['end', 'latest', 'random'])
        .optional()
        .describe(
          'How far a drill of a base or an incremental recovers: to the end of the backup, through all WAL there is, or to a random moment behind its end; default random where the WAL of the source is kept, else end.',
        ),
      amcheck: z.boolean().default(true).describe('Whether a drill also checks the structure of every index.'),
      keepFailed: z.boolean().default(false).describe('Keeps the scratch server of a failed drill for a look.'),
      maxDuration: Duration.default(6 * 3_600_000).describe(
        'A drill that takes longer is given up, without a verdict on the backup.',
      ),
      assertions: z
        .array(
          z.strictObject({
            name: z.string().min(1).describe('What the question is about; it stands in the evidence.'),
            sql: z.string().min(1).describe('A query whose first column of the first row is the answer.'),
            expect: z.union([
              z.strictObject({
                equals: z.union([z.string(), z.number(), z.boolean()]).describe('The answer must be exactly this.'),
              }),
              z.strictObject({ atLeast: z.number().describe('The answer must be this or more.') }),
              z.strictObject({ atMost: z.number().describe('The answer must be this or less.') }),
            ]),
          }),
        )
        .default([])
        .describe('Questions to the restored database.'),
      files: z
        .array(
          z.strictObject({
            path: z
              .string()
              .regex(
                /^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/,
                'a path below root, not starting with a slash, no step of it `..`',
              )
              .describe('A file that must be there, below root.'),
            parses: z.enum(['json', 'yaml']).optional().describe('What its contents must be, besides.'),
          }),
        )
        .default([])
        .describe('For the kind files: what must be found in the tree that was brought back.'),
    })
    .prefault({}),
  keep: KeepSection.optional().describe(
    'How long backups stay; what any rule chooses stays, and only proven backups count. Default: everything stays for good.',
  ),
  tables: z
    .strictObject({
      list: z
        .array(TableName)
        .default([])
        .describe(
          'Tables as SQL names them: results, clinic.ward, clinic."Odd name"; clinic.* is every table of a schema. Without a schema public is meant.',
        ),
      queries: z
        .record(
          z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'lower-case letters, digits, - and _'),
          z.string().min(1).describe('A SELECT; names without a schema are looked for in public.'),
        )
        .default({})
        .describe(
          'Further files by name, each with the rows of a query; it must give the same rows twice in one snapshot.',
        ),
      atLeastEvery: Duration.default(24 * 3_600_000).describe(
        'A run that finds nothing changed refers to the export before, unless that is older than this.',
      ),
    })
    .optional()
    .describe('For the kind tables: what is exported as CSV, all of one snapshot.'),
  size: z
    .strictObject({
      min: ByteSize.optional().describe(
        'A smaller backup is an incident; default 1 MB, 1 kB for the kind files, and nothing for table exports.',
      ),
      medianRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0.5)
        .describe('A backup smaller than this share of the median of the last runs is an incident; 0 turns it off.'),
      medianOf: z.int().min(2).max(50).default(7).describe('How many of the last runs the median is taken over.'),
    })
    .prefault({}),
})

/** The WAL of one source: received as it is written, off-site within seconds. */
export const WalSection = z.strictObject({
  targets: z.array(TargetId).min(1).describe('Names under `targets`; all WAL goes to all of them.'),
  copies: z
    .strictObject({
      required: z
        .int()
        .positive()
        .default(1)
        .describe(
          'Targets that must hold WAL before the server may forget it, and before a synchronous commit returns.',
        ),
    })
    .prefault({})
    .describe('How many copies are enough.'),
  flushEvery: Duration.default(10_000).describe(
    'A segment that is not full is shipped as far as it goes this often, when it grew.',
  ),
  compressionLevel: z.int().min(1).max(19).default(1).describe('zstd level.'),
  keep: z
    .strictObject({
      window: Duration.describe(
        'Any moment of the last so long can be recovered; WAL before the base that begins it is let go.',
      ),
    })
    .optional()
    .describe('How long WAL stays; default for good.'),
  spoolMaxBytes: ByteSize.default(1024 ** 3).describe(
    'Room in the spool of the agent for WAL on its way; when it is full the server keeps the rest.',
  ),
  slot: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/, 'lower-case letters, digits and underscores')
    .optional()
    .describe(
      'Name of the replication slot, and the name to put into synchronous_standby_names; default lifeboat_<source>.',
    ),
  retained: z
    .strictObject({
      warn: ByteSize.default(4 * 1024 ** 3).describe(
        'An incident is opened when the server keeps back more WAL than this.',
      ),
      giveUp: ByteSize.default(32 * 1024 ** 3).describe(
        'Beyond this the slot is dropped before the disk is full: the hole is recorded, mailed, and a new base is asked for.',
      ),
    })
    .prefault({})
    .describe('WAL the server keeps because the targets do not have it yet.'),
  letGoAfter: Duration.default(60_000).describe(
    'A server that is told to stop waits until its WAL is safe. After this long the agent hangs up, so that the stop goes on; the slot keeps what is not safe.',
  ),
  refill: z
    .strictObject({
      after: Duration.default(600_000).describe(
        'A target that takes new WAL while older is missing there, and came no further for this long, is filled from other targets.',
      ),
      every: Duration.default(86_400_000).describe(
        'So often each target is compared with the others anyway, and filled.',
      ),
    })
    .prefault({})
    .describe('WAL that is no longer offered to a target that was away for long comes from targets that have it.'),
  heartbeat: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'Whether a row is written every few seconds, so that an idle database too can be recovered to any moment.',
        ),
      every: Duration.default(5_000).describe('How often.'),
      schema: z.string().min(1).default('lifeboat').describe('Schema of its own for the table `heartbeat`.'),
    })
    .prefault({}),
})

export const AlertingSection = z.strictObject({
  email: z.strictObject({
    host: z.string().describe('SMTP server.'),
    port: z.int().min(1).max(65_535).default(587).describe('SMTP port.'),
    security: z
      .enum(['starttls', 'tls', 'none'])
      .default('starttls')
      .describe(
        'starttls is demanded, not merely offered; tls from the first byte; none only for a server on this host.',
      ),
    ca: z.string().optional().describe('CA file of the mail server, where it is not a public one.'),
    user: z.string().optional().describe('SMTP user, together with password.'),
    password: SecretRef.optional().describe('Password of the SMTP user.'),
    from: z.string().describe('Sender address.'),
    to: z.array(z.string()).min(1).describe('Who is told.'),
  }),
  repeat: Duration.default(4 * 3_600_000).describe('An open incident is mailed again after this long.'),
  dashboard: z.url().optional().describe('A link for the mails, to where you look at Lifeboat.'),
  deadMan: z
    .url()
    .optional()
    .describe(
      'Asked (GET) every minute while alerter, scheduler and mail are well; a service outside tells you when the asking stops.',
    ),
  health: Listen.optional().describe('Where the alerter answers /healthz, /readyz and /metrics.'),
})

/** When backups are let go, and how carefully. */
export const ExpirySection = z.strictObject({
  auto: z
    .boolean()
    .default(false)
    .describe(
      'Whether the scheduled expiry lets go by itself; without it, it only plans and tells, and `lifeboat expiry apply` lets go.',
    ),
  schedule: z
    .strictObject({
      cron: z.string().describe('Five fields, or six with seconds first.'),
      zone: z.string().default('UTC').describe('IANA time zone.'),
    })
    .optional()
    .describe('When the expiry is planned, and with auto applied; default never.'),
  undelete: Duration.default(7 * 86_400_000).describe(
    'What was let go is only hidden for this long; `lifeboat expiry undo` brings it back. Then its bytes are removed.',
  ),
  maxShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe(
      'A plan that lets go more than this share of the backups of a source at a target is not carried out unless a person confirms it: rules with a typo look like that.',
    ),
})

export const LifeboatConfig = z.strictObject({
  version: z.literal(1).describe('Format of this file.'),
  fleet: FleetId.describe(
    'Names everything this file is about; stands at the root of each target, so that two fleets cannot mix.',
  ),
  bus: BusSection,
  encryption: z.strictObject({
    recipients: z
      .array(z.string().regex(/^age1[0-9a-z]+$/, 'an age public key (age1…)'))
      .min(1)
      .describe('Public keys; who holds one of the identities can decrypt.'),
  }),
  signers: z
    .record(z.string(), z.string().describe('43 letters; the name is that of the agent or verifier who signs.'))
    .describe('Public signing keys of agents and verifiers by name (`lifeboat key new`).'),
  agents: z.record(AgentId, AgentSection),
  targets: z.record(TargetId, TargetConfig),
  sources: z.record(SourceId, SourceConfig),
  policies: z.record(PolicyId, PolicySection),
  wal: z
    .record(SourceId, WalSection)
    .default({})
    .describe('Sources whose WAL is kept; a base policy and this make point-in-time recovery.'),
  expiry: ExpirySection.prefault({}).describe('When backups are let go, and how carefully.'),
  objectives: z
    .record(
      SourceId,
      z.strictObject({
        rpo: Duration.describe('Recovery point objective: how much of the latest work may be lost.'),
        rto: Duration.describe('Recovery time objective: how long until the data is back.'),
      }),
    )
    .default({}),
  scheduler: z
    .strictObject({ health: Listen.optional().describe('Where health and metrics are served; default nowhere.') })
    .prefault({}),
  uploader: z
    .strictObject({
      concurrency: z.int().min(1).max(64).default(4).describe('Parts in flight per target.'),
      health: Listen.optional().describe('Where health and metrics are served; default nowhere.'),
    })
    .prefault({}),
  verifier: z
    .strictObject({
      id: z.string().default('verifier').describe('Its name under `signers`.'),
      identity: SecretRef.describe('age identity file; only verifiers need it.'),
      signingKey: SecretRef.describe('Private signing key made by `lifeboat key new`; signs the evidence.'),
      scratchPath: z
        .string()
        .regex(/^\//, 'an absolute path')
        .default('/var/lib/lifeboat/scratch')
        .describe('Where throwaway servers live; needs room for the largest database.'),
      concurrency: z.int().min(1).max(16).default(1).describe('Drills at the same time.'),
      keepFailedFor: Duration.default(72 * 3_600_000).describe('How long a scratch server kept by keepFailed stays.'),
      toolPaths: z
        .array(z.string())
        .default([])
        .describe('Folders with PostgreSQL programs, looked at before the usual places.'),
      health: Listen.optional().describe('Where health and metrics are served; default nowhere.'),
    })
    .optional(),
  alerting: AlertingSection.optional(),
})
export type LifeboatConfig = z.infer<typeof LifeboatConfig>
export type WalConfig = z.infer<typeof WalSection>
export type PolicyConfig = z.infer<typeof PolicySection>

/** What a policy of kind tables exports. */
export type TablesConfig = NonNullable<PolicyConfig['tables']>

const LEAST_BYTES: Partial<Record<BackupKind, number>> = { files: 1_000, tables: 0 }

/** What a policy calls too small, bytes: a configuration of three files is no accident. */
export function leastBytes({ kind, size }: Pick<PolicyConfig, 'kind' | 'size'>): number {
  return size.min ?? LEAST_BYTES[kind] ?? 1_000_000
}
export type BusConfig = z.infer<typeof BusSection>
export type AlertingConfig = z.infer<typeof AlertingSection>
export type VerifierConfig = NonNullable<LifeboatConfig['verifier']>
