import { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { z } from 'zod'
import { PolicySection } from './policy.ts'

const policy = PolicySection.shape

/** One thing a set takes: what another policy takes, or sources and a kind of its own. */
const MemberSection = z.strictObject({
  policy: PolicyId.optional().describe(
    'What this policy takes, as it takes it: kind, tables, drill, sizes; time, targets and keeping are those of the set. Of incrementals a base is taken: a set builds on nothing.',
  ),
  sources: z.array(SourceId).min(1).optional().describe('Names under `sources`; default all of the policy.'),
  kind: z
    .enum(['dump', 'base', 'files', 'tables'])
    .optional()
    .describe('What is taken of the sources, where no policy is named.'),
  tables: policy.tables,
})

/** Backups of several sources, possibly on several hosts, that belong together. */
export const SetSection = z.strictObject({
  kind: z
    .literal('set')
    .describe(
      'Backups of several sources and kinds as one: complete and proven only when all are, kept and let go together.',
    ),
  members: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'use lower-case letters, digits and dashes, at most 31'),
      MemberSection,
    )
    .describe('What belongs to it, by name; each one runs as a policy of its own called <set>-<member>.'),
  schedule: z
    .strictObject({
      cron: z.string().describe('Five fields, or six with seconds first; every member is due at that very moment.'),
      zone: policy.schedule.shape.zone,
    })
    .describe('One moment for all members.'),
  targets: z.array(TargetId).min(1).describe('Names under `targets`; every backup goes to all of them.'),
  copies: policy.copies,
  maxDuration: policy.maxDuration,
  grace: policy.grace,
  catchUp: policy.catchUp,
  overlap: policy.overlap,
  keep: policy.keep,
  hold: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Why each backup of the set is held as soon as it is sealed, so that no rule lets it go before `lifeboat hold release`; default it is not held.',
    ),
})
export type SetConfig = z.infer<typeof SetSection>
