import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { Duration } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'
import { Listen } from './listen.ts'

export const AlertingSection = z.strictObject({
  email: z.strictObject({
    host: z.string().describe('SMTP server.'),
    port: z.int().min(1).max(65_535).default(587).describe('SMTP port.'),
    security: z
      .enum(['starttls', 'tls', 'none'])
      .default('starttls')
      .describe(
        'starttls is demanded, not merely offered; tls from the first byte; none only for a server on this host.',
      ),
    ca: z.string().optional().describe('CA file of the mail server, where it is not a public one.'),
    user: z.string().optional().describe('SMTP user, together with password.'),
    password: SecretRef.optional().describe('Password of the SMTP user.'),
    from: z.string().describe('Sender address.'),
    to: z.array(z.string()).min(1).describe('Who is told.'),
  }),
  repeat: Duration.default(4 * 3_600_000).describe('An open incident is mailed again after this long.'),
  dashboard: z.url().optional().describe('A link for the mails, to where you look at Lifeboat.'),
  deadMan: z
    .url()
    .optional()
    .describe(
      'Asked (GET) every minute while alerter, scheduler and mail are well; a service outside tells you when the asking stops.',
    ),
  health: Listen.optional().describe('Where the alerter answers /healthz, /readyz and /metrics.'),
})
export type AlertingConfig = z.infer<typeof AlertingSection>
