import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { z } from 'zod'

export const BusSection = z.strictObject({
  servers: z
    .array(z.string().regex(/^(nats|tls|ws|wss):\/\//, 'a NATS URL, e.g. nats://127.0.0.1:4222'))
    .min(1)
    .describe('NATS servers; any one of a cluster is enough, several survive the loss of one.'),
  user: z.string().optional().describe('NATS user, together with password.'),
  password: SecretRef.optional().describe('Password of the NATS user.'),
  token: SecretRef.optional().describe('NATS token, where the server asks for one instead of a user.'),
  credentials: SecretRef.optional().describe('NATS .creds contents.'),
  ca: z.string().optional().describe('CA file for TLS.'),
  replicas: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('JetStream replicas of every stream and bucket; 3 on a three-node cluster.'),
})
export type BusConfig = z.infer<typeof BusSection>
