import { z } from 'zod'
import { ERROR_CODES } from './catalogue.ts'

export const ErrorReportSchema = z.object({
  code: z.enum(ERROR_CODES),
  title: z.string(),
  hint: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).optional()),
})
