import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { AgentId } from '@lifeboat/shared/domain/ids.ts'
import { z } from 'zod'

/** One database in a PostgreSQL cluster, and with it the cluster, as its agent reaches it. */
export const PostgresSourceConfig = z.strictObject({
  kind: z.literal('postgres').optional().describe('A PostgreSQL database; what a source is that says no kind.'),
  agent: AgentId.describe('The agent that takes its backups; a name under `agents`.'),
  host: z.string().default('127.0.0.1').describe('Host name, address, or a folder with the Unix socket.'),
  port: z.int().min(1).max(65_535).default(5432).describe('Port of the server.'),
  database: z.string().min(1).describe('Name of the database.'),
  user: z
    .string()
    .min(1)
    .describe('A least-privilege role is enough; `lifeboat source check` prints the GRANTs it lacks.'),
  password: SecretRef.optional().describe('Default: what pg_hba.conf allows without one (peer, certificate).'),
  sslmode: z
    .enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'])
    .default('prefer')
    .describe('As libpq understands it; verify-full is the one that cannot be tricked.'),
  sslrootcert: z
    .string()
    .optional()
    .describe('CA file for verify-ca and verify-full; with it, require checks the chain as well.'),
  major: z
    .int()
    .min(15)
    .max(19)
    .optional()
    .describe(
      'Major version of the server; lets `lifeboat config check` refuse what it cannot do. The agent asks the server itself.',
    ),
  replication: z
    .strictObject({
      user: z.string().min(1).describe('A role with REPLICATION, for base backups and WAL.'),
      password: SecretRef.optional().describe('Default: what pg_hba.conf allows without one.'),
    })
    .optional()
    .describe('How to log in for replication; default the same role as for dumps.'),
  restore: z
    .strictObject({
      user: z.string().min(1).describe('A superuser: owners, roles and extensions come back as they were.'),
      password: SecretRef.optional().describe('Default: what pg_hba.conf allows without one.'),
      database: z
        .string()
        .min(1)
        .default('postgres')
        .describe('Where it logs in: any database of the server but the one that is restored.'),
      dataDirectory: z
        .string()
        .regex(/^\/./, 'an absolute path')
        .optional()
        .describe(
          'Data directory of the server, for recovering the cluster in place: said here because a lost server cannot be asked. Default: the cluster is not recovered in place.',
        ),
    })
    .optional()
    .describe(
      'How to log in for a restore an operator commands; without it nothing of this source is restored by its agent.',
    ),
  rolePasswords: z
    .boolean()
    .default(true)
    .describe(
      'Whether globals include password hashes, which pg_read_all_data lets a role read. Without: roles come back without passwords.',
    ),
})
export type PostgresSourceConfig = z.infer<typeof PostgresSourceConfig>
