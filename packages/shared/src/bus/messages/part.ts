import { z } from 'zod'
import { AgentId, ArtifactName, BackupId, PolicyId, SourceId, TargetId } from '../../domain/ids.ts'
import { Part } from '../../domain/manifest.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

/** A part is complete, hashed and renamed into the spool; its bytes will not change again. */
export const PartSealed = defineMessage({
  subject: 'part.sealed',
  version: 1,
  class: 'fact',
  owner: 'backup-agent',
  summary: 'A part is complete in the spool and can be fetched by HTTP.',
  dedupeKey: (data) => `${data.backupId}/${data.artifact}.${data.part.no}`,
  route: (data) => data.agentId,
  data: z.object({
    backupId: BackupId,
    sourceId: SourceId,
    agentId: AgentId,
    /** For targets that lock the backups of single policies for longer. */
    policyId: PolicyId.optional(),
    artifact: ArtifactName,
    part: Part,
    /** Of the cluster, where this is of a base or an incremental: a target that has another cluster under this name takes none of it. */
    systemIdentifier: z.string().optional(),
    targets: z.array(TargetId).min(1),
    /** Base URL of the agent's spool; the part lies at /backups/<backupId>/<artifact>.<part no>. */
    spoolUrl: z.url(),
  }),
})
export type PartSealed = DataOf<typeof PartSealed>

/** A target holds a part and its store confirmed the digest. */
export const PartStored = defineMessage({
  subject: 'part.stored',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'One target holds one part, digest confirmed.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.artifact}.${data.partNo}`,
  route: (data) => data.agentId,
  data: z.object({
    backupId: BackupId,
    sourceId: SourceId,
    agentId: AgentId,
    artifact: ArtifactName,
    partNo: z.int().nonnegative(),
    targetId: TargetId,
    bytes: z.int().positive(),
    durationMs: z.int().nonnegative(),
    /** Its store checks SHA-256: parts need not be told with an MD5 for its sake. */
    withoutMd5: z.literal(true).optional(),
  }),
})
export type PartStored = DataOf<typeof PartStored>
