import { z } from 'zod'
import { type FollowedArchive, followArchive } from './follow-archive.ts'

/** What a complete archive holds. */
export const ArchiveReport = z.object({
  /** Bytes of the archive itself, before any later compression or encryption. */
  bytes: z.int(),
  /** Tables whose rows are in it. */
  tables: z.array(z.object({ schema: z.string(), name: z.string() })),
  /** Why it is not complete; absent when it is. */
  problem: z.string().optional(),
})
export type ArchiveReport = z.infer<typeof ArchiveReport>

export interface ArchiveCheck {
  add(piece: Uint8Array): void
  report(): ArchiveReport
}

/**
 * Reads along with a custom-format archive and tells at its end whether every block its table of contents announces was there and whole.
 *
 * What is inside the blocks is skipped, so rows are not judged here (a drill compares them).
 */
export function archiveCheck(): ArchiveCheck {
  const archive = followArchive()
  return {
    add: archive.add,
    report() {
      const { bytes, toc } = archive
      const problem = archive.problem ?? missing(archive)
      const entries = [...(toc?.withData.values() ?? [])].filter((entry) => entry.desc === 'TABLE DATA')
      const tables = entries.map(({ schema, name }) => ({ schema, name }))
      return { bytes, tables, ...(problem === undefined ? {} : { problem }) }
    },
  }
}

function missing({ toc, blocks, bytes }: FollowedArchive): string | undefined {
  if (toc === undefined || blocks === undefined) return `it ends inside its table of contents, after ${bytes} bytes`
  const absent = [...toc.withData].filter(([id]) => !blocks.finished.has(id)).map(([, entry]) => entry)
  const names = absent.slice(0, 5).map((entry) => `${entry.desc} ${entry.schema}.${entry.name}`)
  if (absent.length > 0)
    return `${absent.length} of ${toc.withData.size} announced entries lack data: ${names.join(', ')}`
  return blocks.atBlockEnd() ? undefined : 'it ends inside a block'
}
