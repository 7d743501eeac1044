import { createHash } from 'node:crypto'
import type { BucketDefinition, DeadLetter } from '@lifeboat/shared/bus/bus.ts'
import { Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import { z } from 'zod'

/** Dead letters of one kind: same subject, same consumer, same error. */
export const Letter = z.object({
  id: z.string(),
  subject: z.string(),
  consumer: z.string(),
  error: ErrorReportSchema,
  excerpt: z.string(),
  count: z.int().positive(),
  firstAt: Moment,
  lastAt: Moment,
})
export type Letter = z.infer<typeof Letter>

/** The letters themselves stay in the dead-letter stream; this counts them. */
export const LETTERS: BucketDefinition<Letter> = {
  name: 'lifeboat_letters',
  summary: 'Dead letters of the last days by kind: what the alerter mails about.',
  schema: Letter,
  maxAgeMs: 7 * 86_400_000,
}

/** Names the kind of a letter; KV-key-safe. */
export function letterId(letter: DeadLetter): string {
  const kind = `${letter.subject}|${letter.consumer}|${letter.error.code}`
  return createHash('sha256').update(kind).digest('hex').slice(0, 12)
}

/** Pure: what the note of a kind says after one more letter. */
export function countLetter(known: Letter | undefined, letter: DeadLetter, nowMs: number): Letter {
  const { subject, consumer, error, excerpt } = letter
  return {
    id: letterId(letter),
    subject,
    consumer,
    error: ErrorReportSchema.parse(error),
    excerpt: excerpt.slice(0, 300),
    count: (known?.count ?? 0) + 1,
    firstAt: known?.firstAt ?? moment(nowMs),
    lastAt: moment(nowMs),
  }
}
