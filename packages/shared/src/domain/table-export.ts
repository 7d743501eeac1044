import { z } from 'zod'
import { ArtifactName, Moment } from './ids.ts'
import { Lsn } from './wal.ts'

/** One column of an exported table, as the catalogue of its server described it. */
export const ExportedColumn = z.object({
  name: z.string(),
  /** As SQL writes it, with its schema where it is not PostgreSQL's own: `numeric(12,2)`, `clinic.coding[]`. */
  type: z.string(),
  /** Base type in pg_catalog, domains resolved; decides how the column is hashed. */
  builtin: z.string().optional(),
  nullable: z.boolean(),
  /** Collation other than the type's own. */
  collation: z.string().optional(),
  default: z.string().optional(),
  identity: z.enum(['always', 'by default']).optional(),
})
export type ExportedColumn = z.infer<typeof ExportedColumn>

/** A column computed from others: it holds nothing of its own, so the CSV leaves it out. */
export const GeneratedColumn = z.object({ name: z.string(), type: z.string(), expression: z.string() })

export const ExportedTable = z.object({
  /** As the policy means it and people read it: `public.validation_results`, or the name of a query. */
  title: z.string(),
  /** Where it is loaded to; a query has no schema. */
  schema: z.string().optional(),
  name: z.string(),
  /** The query it came from. */
  query: z.string().optional(),
  artifact: ArtifactName,
  columns: z.array(ExportedColumn),
  generated: z.array(GeneratedColumn),
  /** Primary key, unique and check constraints, as `CONSTRAINT … …`. */
  constraints: z.array(z.string()),
  rows: z.int().nonnegative(),
  /** Order-independent sum of row hashes over `columns`; see packages/postgres/src/fingerprint/row-hash.ts. */
  hash: z.string(),
})
export type ExportedTable = z.infer<typeof ExportedTable>

/** Something of a user's or an extension's that a column needs before its table can be made. */
export const NeededObject = z.object({
  /** `extension hstore`, `type clinic.coding` */
  what: z.string(),
  sql: z.string(),
})
export type NeededObject = z.infer<typeof NeededObject>

/** What lies beside the CSV files of a backup of kind `tables`: everything a reader needs to load them elsewhere and to know that all came. */
export const TableExport = z.object({
  format: z.literal(1),
  database: z.string(),
  major: z.int(),
  /** Of the CSV files: UTF8, or SQL_ASCII where bytes have none. */
  encoding: z.string(),
  databaseEncoding: z.string(),
  snapshot: z.object({ at: Moment, lsn: Lsn }),
  /** How the files are written. An unquoted empty value is NULL, a quoted one is the empty string; quotes are doubled. */
  csv: z.object({
    header: z.literal(true),
    delimiter: z.literal(','),
    quote: z.literal('"'),
    null: z.literal('unquoted empty'),
    /** Settings of the session that wrote them; a session that reads them needs the same. */
    settings: z.record(z.string(), z.string()),
  }),
  /** In the order they can be made. */
  needs: z.array(NeededObject),
  tables: z.array(ExportedTable),
  /** Measured after the rows: a sequence belongs to no snapshot and only ever moves on. */
  sequences: z.array(
    z.object({
      schema: z.string(),
      name: z.string(),
      /** The column that owns it or takes its default from it. */
      usedBy: z.object({ table: z.string(), column: z.string() }),
      lastValue: z.string(),
      isCalled: z.boolean(),
    }),
  ),
})
export type TableExport = z.infer<typeof TableExport>

/** What the manifest of a table export tells in the clear. */
export const ExportFacts = z.object({
  lsn: Lsn,
  tables: z.array(z.object({ title: z.string(), artifact: ArtifactName, rows: z.int().nonnegative() })),
  /** What a person should know about the difference to the export before: a column that is gone, a table that is empty now. */
  notes: z.array(z.string()),
})
export type ExportFacts = z.infer<typeof ExportFacts>
