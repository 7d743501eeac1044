import { z } from 'zod'
import { PolicyId, RecoveryPointId, SourceId } from './ids.ts'

/** What a member of a set is: one policy, made from the set, applied to one source. */
export const SetMember = z.object({ policyId: PolicyId, sourceId: SourceId })
export type SetMember = z.infer<typeof SetMember>

/**
 * What binds a run, and the backup it takes, to the others of its set. Every member carries the whole list, so that from any bucket it can be told whether
 * a set is complete, whatever the configuration says meanwhile.
 */
export const SetPart = z.object({
  point: RecoveryPointId,
  setId: PolicyId,
  members: z.array(SetMember).min(1),
})
export type SetPart = z.infer<typeof SetPart>
