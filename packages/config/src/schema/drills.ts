import { PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { Duration } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'
import { PolicySection } from './policy.ts'

const policy = PolicySection.shape

/** A drill with a date of its own, beside the one every backup gets anyway. */
export const DrillSection = z.strictObject({
  sources: z.array(SourceId).min(1).describe('Names under `sources`; each gets runs of its own.'),
  policies: z
    .array(PolicyId)
    .min(1)
    .optional()
    .describe('Only backups taken by these policies, or as members of these sets; default all of the sources.'),
  choose: z
    .enum(['newest', 'unproven', 'random'])
    .describe(
      'Which backups: newest is the newest of each policy, proven before or not; unproven is every one without a verdict; random is one, drawn by the run id.',
    ),
  within: Duration.default(30 * 86_400_000).describe('Older backups are not chosen.'),
  schedule: z.strictObject({ cron: policy.schedule.shape.cron, zone: policy.schedule.shape.zone }),
  grace: policy.grace.describe('A run that has not begun this long after its time is missed, and an incident.'),
  maxDuration: Duration.default(12 * 3_600_000).describe(
    'A run without all its verdicts after this long is an incident.',
  ),
  catchUp: policy.catchUp,
  assertions: policy.drill
    .unwrap()
    .shape.assertions.describe('Questions to the restored database, besides those of the policy of the backup.'),
})
export type DrillConfig = z.infer<typeof DrillSection>
