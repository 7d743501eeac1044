import { z } from 'zod'
import { ERROR_CODES } from './catalogue.ts'
import type { LifeboatError } from './lifeboat-error.ts'

export const ErrorReportSchema = z.object({
  code: z.enum(ERROR_CODES),
  title: z.string(),
  hint: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).optional()),
})

/** What a message says of an error. */
export function reportOf(error: LifeboatError): z.infer<typeof ErrorReportSchema> {
  return ErrorReportSchema.parse(error.toReport())
}
