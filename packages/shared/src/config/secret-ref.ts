import { z } from 'zod'

/** Where a secret is, never the secret itself: `env:NAME` or `file:/path`. */
export const SecretRef = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'a secret is given as env:NAME or file:PATH, never as plain text')
  .brand<'SecretRef'>()
export type SecretRef = z.infer<typeof SecretRef>
