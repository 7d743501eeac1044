import { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { z } from 'zod'

/** What a list of members says against what is in a folder. */
export const CompareReport = z.object({
  members: z.int(),
  files: z.int(),
  bytes: z.int(),
  links: z.int(),
  /** Members that are not there, or differ in kind, contents, mode or link; each with what differs. */
  differing: NamedFiles,
  /** Members with another owner; `compared` is false where this account could not give files away. */
  owners: NamedFiles.extend({ compared: z.boolean() }),
  /**
   * Members with other extended attributes or access control lists than the list says. `compared` members have such as a drill sets, `listed` have
   * others; `unavailable` says why this host cannot tell.
   */
  attributes: NamedFiles.extend({ compared: z.int(), listed: z.int(), unavailable: z.string().optional() }),
  /** What the list itself says was left out, bytes of names as latin1; at most ten thousand. */
  left: z.array(z.string()),
  /** Why the list cannot be read. */
  problem: z.string().optional(),
})
export type CompareReport = z.infer<typeof CompareReport>
