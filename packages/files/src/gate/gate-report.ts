import { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { z } from 'zod'

/** What a whole archive holds. */
export const GateReport = z.object({
  files: z.int(),
  folders: z.int(),
  links: z.int(),
  /** Contents of the files, unpacked, bytes. */
  bytes: z.int(),
  secrets: NamedFiles,
  exposed: NamedFiles,
  /** Folders of a full archive on which something else is mounted that was left out. */
  mounts: NamedFiles,
  /** Why it is not complete; absent when it is. */
  problem: z.string().optional(),
})
export type GateReport = z.infer<typeof GateReport>
