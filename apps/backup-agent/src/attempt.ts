import {
  AgentId,
  BackupId,
  BackupKind,
  Moment,
  PolicyId,
  RunId,
  SourceId,
  TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import { SetPart } from '@lifeboat/shared/domain/set.ts'
import { z } from 'zod'

/** One attempt at one backup, as its folder in the spool remembers it. */
export const Attempt = z.object({
  backupId: BackupId,
  runId: RunId,
  sourceId: SourceId,
  policyId: PolicyId,
  agentId: AgentId,
  kind: BackupKind,
  set: SetPart.optional(),
  /** The ledger's count: also the fencing token. */
  attempt: z.int().positive(),
  startedAt: Moment,
  targets: z.array(TargetId).min(1),
  requiredCopies: z.int().positive(),
})
export type Attempt = z.infer<typeof Attempt>

/** The part every message about an attempt carries. */
export function aboutOf(attempt: Attempt) {
  const { backupId, runId, sourceId, policyId, agentId, kind, set } = attempt
  return { backupId, runId, sourceId, policyId, agentId, kind, ...(set && { set }) }
}
