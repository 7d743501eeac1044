import { z } from 'zod'
import { AgentId, BackupId, BackupKind, Moment, PolicyId, SourceId, TargetId } from '../../domain/ids.ts'
import { ErrorReportSchema } from '../../errors/error-report.ts'
import { type DataOf, defineMessage } from '../define-message.ts'

const about = {
  backupId: BackupId,
  sourceId: SourceId,
  policyId: PolicyId,
  agentId: AgentId,
  kind: BackupKind,
  targetId: TargetId,
}

/** Every part, the documents and, last, the manifest are on the target. */
export const CopyStored = defineMessage({
  subject: 'copy.stored',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A target holds a complete copy: the manifest went last.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}`,
  route: (data) => data.sourceId,
  data: z.object({ ...about, storedAt: Moment, bytes: z.int().positive() }),
})
export type CopyStored = DataOf<typeof CopyStored>

/** The copy can never be completed at this target, for instance because another object lies under one of its keys. */
export const CopyRefused = defineMessage({
  subject: 'copy.refused',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A target cannot take this copy, and trying again cannot help.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}`,
  route: (data) => data.sourceId,
  data: z.object({
    ...about,
    policyId: PolicyId.optional(),
    kind: BackupKind.optional(),
    refusedAt: Moment,
    error: ErrorReportSchema,
  }),
})
export type CopyRefused = DataOf<typeof CopyRefused>
