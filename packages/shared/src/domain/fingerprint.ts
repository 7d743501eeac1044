import { z } from 'zod'

/** What one table contained. `hash` is order-independent over all rows with pinned output settings; absent when the policy asked for counts only. */
export const TableFingerprint = z.object({
  schema: z.string(),
  name: z.string(),
  rows: z.int().nonnegative(),
  hash: z.string().optional(),
})

/** Measured in the dump's own snapshot and again after a restore: equal means the same data came back. */
export const Fingerprint = z.object({
  format: z.literal(1),
  database: z.string(),
  /** Ordered by schema, then name. */
  tables: z.array(TableFingerprint),
  sequences: z.array(
    z.object({ schema: z.string(), name: z.string(), lastValue: z.string().nullable(), isCalled: z.boolean() }),
  ),
  largeObjects: z.object({ count: z.int(), hash: z.string().optional() }),
  /** Object class (tables, columns, constraints, indexes, functions, policies, …) → count and hash, so a difference names its class. */
  schema: z.record(z.string(), z.object({ count: z.int(), hash: z.string() })),
  extensions: z.record(z.string(), z.string()),
  /** ALTER DATABASE / ROLE … IN DATABASE settings, as `role|database|setting=value`, sorted. */
  settings: z.array(z.string()),
})
export type Fingerprint = z.infer<typeof Fingerprint>
export type TableFingerprint = z.infer<typeof TableFingerprint>
