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

/** As the store says of the manifest; absent where it is not locked, and from uploaders that did not tell. */
const lockedUntil = Moment.optional()

/** Every part, the documents and, last, the manifest are on the target. */
export const CopyStored = defineMessage({
  subject: 'copy.stored',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A target holds a complete copy: the manifest went last.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}`,
  route: (data) => data.sourceId,
  data: z.object({ ...about, storedAt: Moment, bytes: z.int().positive(), lockedUntil }),
})
export type CopyStored = DataOf<typeof CopyStored>

/** Told where the catalogue knows another date: a lock was renewed or set, or ended, or the catalogue was rebuilt. */
export const CopyLockFound = defineMessage({
  subject: 'copy.lock-found',
  version: 1,
  class: 'fact',
  owner: 'uploader',
  summary: 'A look at the locks of a target found, or made, another date for a copy than the catalogue knows.',
  dedupeKey: (data) => `${data.targetId}/${data.backupId}/${data.at}`,
  route: (data) => data.sourceId,
  data: z.object({ backupId: BackupId, sourceId: SourceId, targetId: TargetId, at: Moment, lockedUntil }),
})
export type CopyLockFound = DataOf<typeof CopyLockFound>

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
