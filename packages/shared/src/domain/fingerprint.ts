import { z } from 'zod'

/** What one table contained. `hash` is order-independent over all rows with pinned output settings; absent when the policy asked for counts only. */
export const TableFingerprint = z.object({
  schema: z.string(),
  name: z.string(),
  rows: z.int().nonnegative(),
  hash: z.string().optional(),
})

/**
 * A sequence belongs to no snapshot. On a busy source it moves between this measurement and pg_dump's, so it is measured again after the
 * dump (`later`): what was restored must lie between the two.
 */
export const SequenceFingerprint = z.object({
  schema: z.string(),
  name: z.string(),
  lastValue: z.string(),
  isCalled: z.boolean(),
  later: z.object({ lastValue: z.string(), isCalled: z.boolean() }).optional(),
})

/** `objects`: identity → short hash of its definition; left out where a class holds too many to list. */
export const SchemaClass = z.object({
  count: z.int(),
  hash: z.string(),
  objects: z.record(z.string(), z.string()).optional(),
})

/** Measured in the dump's own snapshot and again after a restore: equal means the same data came back. */
export const Fingerprint = z.object({
  format: z.literal(1),
  database: z.string(),
  /** Server it was measured on: the schema of another major is written differently. */
  major: z.int(),
  /** The role initdb made (oid 10). A scratch server needs one of the same name: grants are recorded as given by it. */
  bootstrapRole: z.string(),
  /** Ordered by schema, then name. */
  tables: z.array(TableFingerprint),
  sequences: z.array(SequenceFingerprint),
  largeObjects: z.object({ count: z.int(), hash: z.string().optional() }),
  /** Object class (tables, columns, constraints, indexes, functions, policies, …) → what it holds, so a difference names its object. */
  schema: z.record(z.string(), SchemaClass),
  /** Constraints declared NOT VALID, `name on table`: a restore leaves exactly these unchecked. */
  notValid: z.array(z.string()).default([]),
  extensions: z.record(z.string(), z.string()),
  /** ALTER DATABASE / ROLE … IN DATABASE settings, as `role|database|setting=value`, sorted. */
  settings: z.array(z.string()),
})
export type Fingerprint = z.infer<typeof Fingerprint>
export type TableFingerprint = z.infer<typeof TableFingerprint>
export type SequenceFingerprint = z.infer<typeof SequenceFingerprint>
export type SchemaClass = z.infer<typeof SchemaClass>
