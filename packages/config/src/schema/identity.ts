import { z } from 'zod'

/** A private key somebody holds; only its public half stands here. */
export const IdentitySection = z.strictObject({
  recipient: z
    .string()
    .regex(/^age1[0-9a-z]+$/, 'an age public key (age1…)')
    .describe('Its public half; with it under `recipients` backups are encrypted to it.'),
  escrow: z.boolean().default(false).describe('Kept away from every machine, for the day all others are gone.'),
  kept: z.string().optional().describe('Where it is, for whoever has to look for it.'),
  until: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()])
    .optional()
    .describe(
      'When it is, or was, destroyed: from then on it opens nothing. An incident tells 30 days before if kept backups need it; default never.',
    ),
})
