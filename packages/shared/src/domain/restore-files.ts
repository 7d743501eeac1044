import { z } from 'zod'
import { NamedFiles } from './manifest.ts'

/** A tree that comes back against the one that is live; each name is counted, the first are named. */
export const FilesChanges = z.object({
  /** Not there now. */
  added: NamedFiles,
  /** There now, and not in the backup. */
  removed: NamedFiles,
  /** Another kind, contents, mode, owner or link; each with what differs. */
  changed: NamedFiles,
  /** There now, and left out of backups by `exclude`; of a folder only its own name. */
  excluded: NamedFiles,
})
export type FilesChanges = z.infer<typeof FilesChanges>

/** What a command about a tree of files did. */
export const FilesLeft = z.object({
  /** As configured: where everybody looks. */
  root: z.string(),
  /** What was extracted and compared, over all archives of the chain. */
  files: z.int(),
  bytes: z.int(),
  changes: FilesChanges,
})
export type FilesLeft = z.infer<typeof FilesLeft>

/**
 * How a tree gets its place. `folder`: by renaming · `link`: root is a link, which is pointed to a new folder beside the old one · `parts`: each file and
 * folder that was backed up by itself, by renaming.
 */
export const FilesSwap = z.enum(['folder', 'link', 'parts'])
export type FilesSwap = z.infer<typeof FilesSwap>
