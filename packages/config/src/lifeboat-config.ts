import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { AgentId, FleetId, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { Duration } from '@lifeboat/shared/time/duration.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import { z } from 'zod'
import { AgentSection } from './schema/agent.ts'
import { AlertingSection } from './schema/alerting.ts'
import { AuditSection } from './schema/audit.ts'
import { BusSection } from './schema/bus.ts'
import { DrillSection } from './schema/drills.ts'
import { IdentitySection } from './schema/identity.ts'
import { ExpirySection } from './schema/keep.ts'
import { Listen } from './schema/listen.ts'
import { type PolicyConfig, PolicySection } from './schema/policy.ts'
import { SetSection } from './schema/set.ts'
import { WalSection } from './schema/wal.ts'
import { SourceConfig } from './source-config.ts'

const NAME = 'use lower-case letters, digits and dashes, starting with a letter or digit'

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
    identities: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, NAME), IdentitySection)
      .default({})
      .describe('Private keys that are declared to be there, by name, those of older backups included: docs/keys.md.'),
  }),
  signers: z
    .record(z.string(), z.string().describe('43 letters; the name is that of the agent or verifier who signs.'))
    .describe('Public signing keys of agents and verifiers by name (`lifeboat key new`).'),
  agents: z.record(AgentId, AgentSection),
  targets: z.record(TargetId, TargetConfig),
  sources: z.record(SourceId, SourceConfig),
  policies: z.record(PolicyId, z.discriminatedUnion('kind', [PolicySection, SetSection])),
  wal: z
    .record(SourceId, WalSection)
    .default({})
    .describe('Sources whose WAL is kept; a base policy and this make point-in-time recovery.'),
  audit: AuditSection.prefault({}).describe('How closely what targets hold is looked at.'),
  drills: z
    .record(PolicyId, DrillSection)
    .default({})
    .describe('Drills with dates of their own: every backup is drilled anyway, these prove again, or ask more.'),
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
      lend: Listen.optional().describe(
        'Where agents that restore read copies: as they lie at the targets, encrypted, with the token of an agent. Default nowhere.',
      ),
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
/** As services see it: sets stand in it as the policies of their members (expand-sets.ts). */
export type LifeboatConfig = Omit<z.infer<typeof LifeboatConfig>, 'policies'> & {
  policies: Record<PolicyId, PolicyConfig>
}
export type VerifierConfig = NonNullable<LifeboatConfig['verifier']>
