import { z } from 'zod'

const Oid = z.string().regex(/^\d+$/)

/** A file of the cluster without its segments and further forks: `<oid of its tablespace>/<its number>`; its folder is that of the database. */
const FileNode = z.string().regex(/^\d+\/\d+$/)

/** A table or materialized view and the files that hold it. */
export const ListedTable = z.object({
  oid: Oid,
  schema: z.string(),
  name: z.string(),
  /** What it is a partition of or inherits from. */
  parents: z.array(Oid),
  /** Its rows, and what is kept out of line of them; none of a partitioned table, nor of one that some extension stores. */
  heaps: z.array(FileNode),
  /** Of both; none of kinds that are replayed in a way of their own. */
  indexes: z.array(FileNode),
})
export type ListedTable = z.infer<typeof ListedTable>

/**
 * Which files of a cluster hold which table, as its catalogues said shortly before a base began. It need not be all of them: what is not listed is
 * not known to be dispensable. Never listed are catalogues, sequences, unlogged tables and what belongs to an extension.
 */
export const Relations = z.object({
  format: z.literal(1),
  /** The first change of a page behind a checkpoint brings the whole page into the WAL (`full_page_writes`). */
  fullPages: z.boolean(),
  /** Also where the change was a mere hint (data checksums or `wal_log_hints`). */
  hints: z.boolean(),
  databases: z.array(z.object({ oid: Oid, name: z.string(), tables: z.array(ListedTable) })),
})
export type Relations = z.infer<typeof Relations>
