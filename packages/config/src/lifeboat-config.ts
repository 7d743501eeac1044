import { SourceConfig } from '@lifeboat/postgres/source-config.ts'
import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { AgentId, BackupKind, FleetId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { ByteSize, Duration } from '@lifeboat/shared/time/duration.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { z } from 'zod'

const Listen = z.string().regex(/^[^\s:]*:\d{1,5}$/, 'host:port, e.g. 127.0.0.1:7461')

export const BusSection = z.strictObject({
  servers: z.array(z.string().regex(/^(nats|tls|ws|wss):\/\//, 'a NATS URL, e.g. nats://127.0.0.1:4222')).min(1),
  user: z.string().optional(),
  password: SecretRef.optional(),
  token: SecretRef.optional(),
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
    path: z.string().regex(/^\//, 'an absolute path'),
    maxBytes: ByteSize.default(10 * 1024 ** 3).describe(
      'Room for parts that wait for the uploaders; when it is full the dump waits.',
    ),
    partBytes: ByteSize.default(64 * 1024 ** 2),
  }),
  toolPaths: z
    .array(z.string())
    .default([])
    .describe('Folders with PostgreSQL programs, looked at before the usual places.'),
})

export const PolicySection = z.strictObject({
  sources: z.array(SourceId).min(1),
  kind: BackupKind,
  schedule: z.strictObject({
    cron: z.string().describe('Five fields, or six with seconds first.'),
    zone: z.string().default('UTC').describe('IANA time zone, e.g. Europe/Berlin; daylight saving is honoured.'),
    jitter: Duration.default(0).describe(
      'Spreads many sources over this long; the same run always gets the same delay.',
    ),
  }),
  targets: z.array(TargetId).min(1),
  copies: z
    .strictObject({ required: z.int().positive().default(1) })
    .prefault({})
    .describe('How many targets must hold a backup before the spool lets it go and the backup counts as stored.'),
  compressionLevel: z.int().min(1).max(19).default(3).describe('zstd level.'),
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
      amcheck: z.boolean().default(true),
      keepFailed: z.boolean().default(false).describe('Keeps the scratch server of a failed drill for a look.'),
      maxDuration: Duration.default(6 * 3_600_000),
      assertions: z
        .array(
          z.strictObject({
            name: z.string().min(1),
            sql: z.string().min(1).describe('A query whose first column of the first row is the answer.'),
            expect: z.union([
              z.strictObject({ equals: z.union([z.string(), z.number(), z.boolean()]) }),
              z.strictObject({ atLeast: z.number() }),
              z.strictObject({ atMost: z.number() }),
            ]),
          }),
        )
        .default([]),
    })
    .prefault({}),
  size: z
    .strictObject({
      min: ByteSize.default(1_000_000).describe('A smaller backup is an incident.'),
      medianRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0.5)
        .describe('A backup smaller than this share of the median of the last runs is an incident; 0 turns it off.'),
      medianOf: z.int().min(2).max(50).default(7),
    })
    .prefault({}),
})

export const AlertingSection = z.strictObject({
  email: z.strictObject({
    host: z.string(),
    port: z.int().min(1).max(65_535).default(587),
    security: z.enum(['starttls', 'tls', 'none']).default('starttls'),
    ca: z.string().optional().describe('CA file of the mail server, where it is not a public one.'),
    user: z.string().optional(),
    password: SecretRef.optional(),
    from: z.string(),
    to: z.array(z.string()).min(1),
  }),
  repeat: Duration.default(4 * 3_600_000).describe('An open incident is mailed again after this long.'),
  dashboard: z.url().optional(),
})

export const LifeboatConfig = z.strictObject({
  version: z.literal(1),
  fleet: FleetId,
  bus: BusSection,
  encryption: z.strictObject({
    recipients: z
      .array(z.string().regex(/^age1[0-9a-z]+$/, 'an age public key (age1…)'))
      .min(1)
      .describe('Public keys; who holds one of the identities can decrypt.'),
  }),
  signers: z
    .record(z.string(), z.string())
    .describe('Public signing keys of agents and verifiers by name (`lifeboat key new`).'),
  agents: z.record(AgentId, AgentSection),
  targets: z.record(TargetId, TargetConfig),
  sources: z.record(SourceId, SourceConfig),
  policies: z.record(PolicyId, PolicySection),
  objectives: z.record(SourceId, z.strictObject({ rpo: Duration, rto: Duration })).default({}),
  scheduler: z.strictObject({ health: Listen.optional() }).prefault({}),
  uploader: z
    .strictObject({
      concurrency: z.int().min(1).max(64).default(4).describe('Parts in flight per target.'),
      health: Listen.optional(),
    })
    .prefault({}),
  verifier: z
    .strictObject({
      id: z.string().default('verifier'),
      identity: SecretRef.describe('age identity file; only verifiers need it.'),
      signingKey: SecretRef,
      scratchPath: z.string().regex(/^\//, 'an absolute path').default('/var/lib/lifeboat/scratch'),
      concurrency: z.int().min(1).max(16).default(1),
      keepFailedFor: Duration.default(72 * 3_600_000),
      toolPaths: z.array(z.string()).default([]),
      health: Listen.optional(),
    })
    .optional(),
  alerting: AlertingSection.optional(),
})
export type LifeboatConfig = z.infer<typeof LifeboatConfig>
export type PolicyConfig = z.infer<typeof PolicySection>
export type AgentConfig = z.infer<typeof AgentSection>
export type BusConfig = z.infer<typeof BusSection>
export type AlertingConfig = z.infer<typeof AlertingSection>
