import { TableName } from '@lifeboat/postgres/table-export/table-name.ts'
import { BackupKind, type PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { ByteSize, Duration } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'
import { KeepSection } from './keep.ts'

export const PolicySection = z.strictObject({
  sources: z.array(SourceId).min(1).describe('Names under `sources`; each gets runs of its own.'),
  kind: BackupKind.describe(
    'What is taken: dump is one database with its roles and a fingerprint; base is the whole cluster, byte by byte; incremental is what changed in it since the backup before (PostgreSQL 17 on), a base where there is none; files is a tree of files, or what changed in it since the backup before; tables is listed tables as CSV.',
  ),
  schedule: z.strictObject({
    cron: z.string().describe('Five fields, or six with seconds first.'),
    zone: z.string().default('UTC').describe('IANA time zone, e.g. Europe/Berlin; daylight saving is honoured.'),
    jitter: Duration.default(0).describe(
      'Spreads many sources over this long; the same run always gets the same delay.',
    ),
    onChange: z
      .strictObject({
        every: Duration.default(30_000).describe('How often its agent looks at names, sizes and times.'),
      })
      .optional()
      .describe(
        'For the kind files: a run as well when something changed and was the same at the next look. A run that finds nothing changed refers to the one before.',
      ),
  }),
  targets: z.array(TargetId).min(1).describe('Names under `targets`; every backup goes to all of them.'),
  copies: z
    .strictObject({
      required: z
        .int()
        .positive()
        .default(1)
        .describe('Targets that must hold a backup before it counts as stored and the spool lets it go.'),
    })
    .prefault({})
    .describe('How many copies are enough.'),
  compressionLevel: z.int().min(1).max(19).default(3).describe('zstd level; above 3 costs much time for little room.'),
  base: z
    .strictObject({
      compressionLevel: z
        .int()
        .min(1)
        .max(19)
        .default(1)
        .describe('zstd level inside the server; level 3 takes half as long again for a tenth less room.'),
      workers: z
        .int()
        .min(0)
        .max(64)
        .default(2)
        .describe('zstd threads inside the server; 0 compresses in the one that reads.'),
      maxRate: ByteSize.optional().describe(
        'Bytes a second the server may read at most, before it compresses them; default as fast as it can.',
      ),
      checkpoint: z
        .enum(['fast', 'spread'])
        .default('fast')
        .describe('fast begins at once with a burst of writing; spread waits for the next checkpoint.'),
      maxChain: z
        .int()
        .min(1)
        .max(100)
        .default(6)
        .describe('Incrementals in a row before the next one is a full base again.'),
    })
    .prefault({})
    .describe('For the kinds base and incremental.'),
  files: z
    .strictObject({
      maxChain: z
        .int()
        .min(0)
        .max(100)
        .default(6)
        .describe(
          'Backups in a row that hold only what changed before the next one is full again; 0: every one is full.',
        ),
    })
    .prefault({})
    .describe('For the kind files.'),
  fingerprint: z
    .strictObject({
      hashTablesUpTo: ByteSize.default(100 * 1024 ** 3).describe(
        'Tables larger than this are fingerprinted by row count only.',
      ),
    })
    .prefault({}),
  lockTimeout: Duration.default(300_000).describe('How long a dump waits for a locked table.'),
  maxDuration: Duration.default(6 * 3_600_000).describe('A run that takes longer is cancelled and reported.'),
  grace: Duration.default(15 * 60_000).describe('A run that has not begun this long after its time is late.'),
  catchUp: z
    .enum(['latest', 'all', 'none'])
    .default('latest')
    .describe('What to do after downtime with the runs that were missed; each one is recorded either way.'),
  overlap: z
    .enum(['skip', 'queue'])
    .default('skip')
    .describe('What to do when a run is due while the one before still runs.'),
  drill: z
    .strictObject({
      targets: z
        .enum(['rotate', 'each'])
        .default('rotate')
        .describe('rotate: every backup is drilled from one target, by turns; each: from every target.'),
      recoverTo: z
        .enum(['end', 'latest', 'random'])
        .optional()
        .describe(
          'How far a drill of a base or an incremental recovers: to the end of the backup, through all WAL there is, or to a random moment behind its end; default random where the WAL of the source is kept, else end.',
        ),
      amcheck: z.boolean().default(true).describe('Whether a drill also checks the structure of every index.'),
      keepFailed: z.boolean().default(false).describe('Keeps the scratch server of a failed drill for a look.'),
      maxDuration: Duration.default(6 * 3_600_000).describe(
        'A drill that takes longer is given up, without a verdict on the backup.',
      ),
      assertions: z
        .array(
          z.strictObject({
            name: z.string().min(1).describe('What the question is about; it stands in the evidence.'),
            sql: z.string().min(1).describe('A query whose first column of the first row is the answer.'),
            expect: z.union([
              z.strictObject({
                equals: z.union([z.string(), z.number(), z.boolean()]).describe('The answer must be exactly this.'),
              }),
              z.strictObject({ atLeast: z.number().describe('The answer must be this or more.') }),
              z.strictObject({ atMost: z.number().describe('The answer must be this or less.') }),
            ]),
          }),
        )
        .default([])
        .describe('Questions to the restored database.'),
      files: z
        .array(
          z.strictObject({
            path: z
              .string()
              .regex(
                /^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/,
                'a path below root, not starting with a slash, no step of it `..`',
              )
              .describe('A file that must be there, below root.'),
            parses: z.enum(['json', 'yaml']).optional().describe('What its contents must be, besides.'),
          }),
        )
        .default([])
        .describe('For the kind files: what must be found in the tree that was brought back.'),
    })
    .prefault({}),
  keep: KeepSection.optional().describe(
    'How long backups stay; what any rule chooses stays, and only proven backups count. Default: everything stays for good.',
  ),
  tables: z
    .strictObject({
      list: z
        .array(TableName)
        .default([])
        .describe(
          'Tables as SQL names them: results, clinic.ward, clinic."Odd name"; clinic.* is every table of a schema. Without a schema public is meant.',
        ),
      queries: z
        .record(
          z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'lower-case letters, digits, - and _'),
          z.string().min(1).describe('A SELECT; names without a schema are looked for in public.'),
        )
        .default({})
        .describe(
          'Further files by name, each with the rows of a query; it must give the same rows twice in one snapshot.',
        ),
      atLeastEvery: Duration.default(24 * 3_600_000).describe(
        'A run that finds nothing changed refers to the export before, unless that is older than this.',
      ),
    })
    .optional()
    .describe('For the kind tables: what is exported as CSV, all of one snapshot.'),
  size: z
    .strictObject({
      min: ByteSize.optional().describe(
        'A smaller backup is an incident; default 1 MB, 1 kB for the kind files, and nothing for table exports.',
      ),
      medianRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0.5)
        .describe('A backup smaller than this share of the median of the last runs is an incident; 0 turns it off.'),
      medianOf: z.int().min(2).max(50).default(7).describe('How many of the last runs the median is taken over.'),
    })
    .prefault({}),
})
export type PolicyConfig = z.infer<typeof PolicySection> & {
  /** Of a policy that was made from a member of a set. */
  set?: { setId: PolicyId; hold?: string }
}

/** What a policy of kind tables exports. */
export type TablesConfig = NonNullable<PolicyConfig['tables']>

const LEAST_BYTES: Partial<Record<BackupKind, number>> = { files: 1_000, tables: 0 }

/** What a policy calls too small, bytes: a configuration of three files is no accident. */
export function leastBytes({ kind, size }: Pick<PolicyConfig, 'kind' | 'size'>): number {
  return size.min ?? LEAST_BYTES[kind] ?? 1_000_000
}
