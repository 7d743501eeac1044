import { z } from 'zod'
import { type BlockFollower, followBlocks } from './follow-blocks.ts'
import { pieces } from './pieces.ts'
import { type ArchiveToc, readToc } from './read-toc.ts'

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
 * Costs a look at each chunk's length; what is inside is skipped, so rows are not judged here (a drill compares them).
 */
export function archiveCheck(): ArchiveCheck {
  const head = pieces()
  const parser = readToc(head)
  let toc: ArchiveToc | undefined
  let blocks: BlockFollower | undefined
  let problem: string | undefined
  let bytes = 0

  function advance(piece: Uint8Array): void {
    if (blocks !== undefined) {
      blocks.add(piece)
      return
    }
    head.add(piece)
    const step = parser.next()
    if (!step.done) return
    toc = step.value
    blocks = followBlocks(toc.intSize)
    blocks.add(head.rest())
  }
  function missing(): string | undefined {
    if (toc === undefined || blocks === undefined) return `it ends inside its table of contents, after ${bytes} bytes`
    const { finished } = blocks
    const absent = [...toc.withData].filter(([id]) => !finished.has(id)).map(([, entry]) => entry)
    const names = absent.slice(0, 5).map((entry) => `${entry.desc} ${entry.schema}.${entry.name}`)
    if (absent.length > 0)
      return `${absent.length} of ${toc.withData.size} announced entries lack data: ${names.join(', ')}`
    return blocks.atBlockEnd() ? undefined : 'it ends inside a block'
  }
  return {
    add(piece) {
      bytes += piece.byteLength
      if (problem !== undefined) return
      try {
        advance(piece)
      } catch (err) {
        problem = err instanceof Error ? err.message : String(err)
      }
    },
    report() {
      const found = problem ?? missing()
      const entries = [...(toc?.withData.values() ?? [])].filter((entry) => entry.desc === 'TABLE DATA')
      const tables = entries.map(({ schema, name }) => ({ schema, name }))
      return { bytes, tables, ...(found === undefined ? {} : { problem: found }) }
    },
  }
}
