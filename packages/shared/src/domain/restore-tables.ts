import { z } from 'zod'
import { Goal } from './goal.ts'
import { Timeline, WalReach } from './wal.ts'

/** PostgreSQL cuts longer names, in silence. */
const SqlName = z
  .string()
  .min(1)
  .refine((name) => new TextEncoder().encode(name).length <= 63, 'a name of PostgreSQL has at most 63 bytes')

/** A table, as the server names it: nothing is quoted and nothing folded. */
export const TableRef = z.strictObject({ schema: SqlName, name: SqlName })
export type TableRef = z.infer<typeof TableRef>

/**
 * What becomes of the rows of the backup. `merge`: those that are missing or different now, by primary key · `replace`: the table holds them and no others ·
 * `beside`: tables of their own in a new schema.
 */
export const TablesInto = z.discriminatedUnion('how', [
  z.strictObject({ how: z.literal('merge') }),
  z.strictObject({ how: z.literal('replace') }),
  z.strictObject({ how: z.literal('beside'), schema: SqlName }),
])
export type TablesInto = z.infer<typeof TablesInto>

/** Tables out of a backup. */
export const TablesWish = z.strictObject({
  tables: z
    .array(TableRef)
    .min(1)
    .max(100)
    .refine((tables) => new Set(tables.map((ref) => JSON.stringify(ref))).size === tables.length, 'each table once'),
  into: TablesInto,
  /** As of this point, out of a physical backup and WAL; default as of an export or a dump. */
  goal: Goal.optional(),
  /** Default: the newest that leads there. */
  timeline: Timeline.optional(),
})
export type TablesWish = z.infer<typeof TablesWish>

/** The rows of a backup against those there are now, told before anything is changed. */
export const TableDiff = z.object({
  /** As SQL writes it. */
  table: z.string(),
  /** In the backup. */
  rows: z.int().nonnegative(),
  /** What is now; absent where there is no such table, or one with other columns. */
  now: z
    .object({
      rows: z.int().nonnegative(),
      onlyInBackup: z.int().nonnegative(),
      onlyNow: z.int().nonnegative(),
      /** The same primary key, other contents; absent where there is no primary key: then such rows count on both sides. */
      different: z.int().nonnegative().optional(),
    })
    .optional(),
})
export type TableDiff = z.infer<typeof TableDiff>

/** How much of a physical backup was extracted to read the tables. */
export const Extent = z.object({
  bytes: z.int().nonnegative(),
  /** All there is. */
  ofBytes: z.int().nonnegative(),
  /** Why all of it was, where that is so. */
  whole: z.string().optional(),
})
export type Extent = z.infer<typeof Extent>

/** What a plan for tables says beside what every plan says. */
export const PlannedTables = z.object({
  into: TablesInto,
  /** What the backup is: `export` holds CSV; of a dump a database, and of a cluster a server is made beside first. */
  from: z.enum(['export', 'dump', 'cluster']),
  /** Of a cluster whose WAL is replayed. */
  wal: WalReach.optional(),
  tables: z.array(
    z.object({
      table: z.string(),
      /** In the backup; absent where only the key tells. */
      rows: z.int().optional(),
      /** Bytes on the server now; absent where there is no such table. */
      bytesNow: z.number().optional(),
    }),
  ),
})
export type PlannedTables = z.infer<typeof PlannedTables>
