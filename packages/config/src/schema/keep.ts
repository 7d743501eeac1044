import { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { Duration } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'

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

export const KeepSection = z.strictObject({
  ...keepRules,
  targets: z
    .record(TargetId, z.strictObject(keepRules))
    .default({})
    .describe('Rules of their own for single targets; they stand instead of the ones above, not beside them.'),
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
    .describe(
      'When the expiry is planned, and with auto applied; one missed while no scheduler ran is made up once. Default never.',
    ),
  undelete: Duration.default(7 * 86_400_000).describe(
    'What was let go is only hidden for this long; `lifeboat expiry undo` brings it back. Then its bytes are removed.',
  ),
  maxShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe(
      'Of the backups of a policy that stayed at a target the last time, a plan after which more than this share is missing is not carried out unless a person confirms it: rules with a typo look like that. The first time it is the share of what would go.',
    ),
})
