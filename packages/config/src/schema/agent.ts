import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { ByteSize } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'
import { Listen } from './listen.ts'

export const AgentSection = z.strictObject({
  url: z.url().describe('How uploaders reach the spool of this agent, e.g. http://db1:7461'),
  listen: Listen.default('127.0.0.1:7461').describe('Where the agent serves its spool.'),
  token: SecretRef.describe('Shared by this agent and the uploaders: who has it may read encrypted parts.'),
  signingKey: SecretRef.describe('Private signing key made by `lifeboat key new`; only this agent needs it.'),
  spool: z.strictObject({
    path: z
      .string()
      .regex(/^\//, 'an absolute path')
      .describe(
        'A folder of this agent alone; made when it is missing. An uploader on the same host that may read it does.',
      ),
    maxBytes: ByteSize.default(10 * 1024 ** 3).describe(
      'Room for parts that wait for the uploaders; when it is full the dump waits.',
    ),
    partBytes: ByteSize.default(64 * 1024 ** 2).describe('Size of a part: the unit of transport, retry and storage.'),
  }),
  toolPaths: z
    .array(z.string())
    .default([])
    .describe('Folders with PostgreSQL programs, looked at before the usual places.'),
})
