import { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { z } from 'zod'

/** What came of extracting one archive. */
export const ExtractReport = z.object({
  members: z.int(),
  files: z.int(),
  bytes: z.int(),
  /** Entries taken away because the archive says they were gone. */
  deleted: z.int(),
  /** What the tree had and a drill does not make, see withheld.ts. */
  withheld: z.partialRecord(z.enum(['link-outside', 'special-file', 'set-id']), NamedFiles),
  /** Members that would have left the folder, and what is no archive of ours; each with its problem. */
  refused: NamedFiles,
  /** Whether the tree itself is a member; else only things below it were archived. */
  whole: z.boolean(),
  /** Folders that were made for what is in them and are no members; bytes of names as latin1. */
  above: z.array(z.string()),
  /** Said to be unchanged since an earlier archive, and in none; bytes of names as latin1. */
  missing: z.object({ count: z.int(), names: z.array(z.string()) }),
  /** Why attributes could not be set on this host; absent when they could, or there were none. */
  attributesUnavailable: z.string().optional(),
  /** Why it is not complete; absent when it is. */
  problem: z.string().optional(),
  /** The disk is full or fails: says nothing about the archive. */
  trouble: z.string().optional(),
})
export type ExtractReport = z.infer<typeof ExtractReport>
