import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { HookName } from '@lifeboat/shared/domain/restore.ts'
import { ByteSize, Duration } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'
import { Listen } from './listen.ts'

const Hook = z.strictObject({
  command: z
    .array(z.string())
    .min(1)
    .refine(([program]) => program?.startsWith('/'), 'begins with the absolute path of a program')
    .describe('Program and arguments, exactly so: no shell reads them, and nothing from the bus becomes part of them.'),
  user: z
    .string()
    .optional()
    .describe(
      'Account it runs as; default that of the agent. Where the agent is neither root nor this account, it refuses every command that names the hook, and says so when it starts.',
    ),
  timeout: Duration.default(60_000).describe('After this long it is killed and counts as failed.'),
  env: z
    .record(z.string(), z.string().describe('Its value, exactly so.'))
    .default({})
    .describe('Its whole environment beside PATH, LC_ALL and LIFEBOAT_*.'),
})

const Restore = z.strictObject({
  operators: z
    .record(
      z.string(),
      z
        .string()
        .regex(/^[A-Za-z0-9_-]{43}$/, 'a public key as `lifeboat operator key new` printed it')
        .describe('Ed25519 public key of this operator, base64url.'),
    )
    .describe('Whom this agent obeys: public keys by name (`lifeboat operator key new`).'),
  signatures: z.int().min(1).max(5).default(1).describe('So many different operators must have signed a command.'),
  identity: SecretRef.describe(
    'age identity of this agent alone: operators encrypt to it what opens a backup. It opens no backup itself.',
  ),
  recipient: z
    .string()
    .regex(/^age1[0-9a-z]+$/, 'an age public key (age1…)')
    .describe('The public half of `identity`.'),
  uploaders: z
    .array(z.url())
    .min(1)
    .describe('Where uploaders lend copies (`uploader.lend`), the first that answers is asked.'),
  clusters: z
    .string()
    .regex(/^\/[^'"\\]{0,79}$/, 'an absolute path of at most 80 letters, without quotes')
    .optional()
    .describe(
      'Folder for clusters that are recovered beside, one of each source; on a disk with room for one. Default none: no cluster is recovered beside.',
    ),
  hooks: z
    .record(HookName, Hook)
    .default({})
    .describe('Programs a command may name, e.g. to stop and start the service.'),
})

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
  restore: Restore.optional().describe('Restores on a signed command of an operator; default none: docs/restore.md.'),
  toolPaths: z
    .array(z.string())
    .default([])
    .describe('Folders with PostgreSQL programs, looked at before the usual places.'),
})
