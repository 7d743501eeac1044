import { z } from 'zod'

/** How closely what targets hold is looked at. */
export const AuditSection = z.strictObject({
  deepRead: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe(
      'Share of the bytes of all copies, and of WAL, at a target that is read back each day and compared with the digests, the copies first that were checked longest ago: 0.01 reads everything in 100 days. Clouds bill what is read; 0 reads nothing.',
    ),
})
