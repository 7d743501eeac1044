import { type BlockFollower, followBlocks } from './follow-blocks.ts'
import { pieces } from './pieces.ts'
import { type ArchiveToc, readToc } from './read-toc.ts'

/** What is known of a custom-format archive so far. */
export interface FollowedArchive {
  /** Of the archive itself, before any later compression or encryption. */
  readonly bytes: number
  /** undefined until all of it has come. */
  readonly toc: ArchiveToc | undefined
  readonly blocks: BlockFollower | undefined
  /** Why these are not the bytes of an archive; nothing behind that is looked at. */
  readonly problem: string | undefined
  add(piece: Uint8Array): void
}

/** Reads along with a custom-format archive. Costs a look at each chunk's length; what is inside is skipped. */
export function followArchive(): FollowedArchive {
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
    const first = head.rest()
    blocks = followBlocks(toc.intSize, bytes - first.byteLength)
    blocks.add(first)
  }
  return {
    get bytes() {
      return bytes
    },
    get toc() {
      return toc
    },
    get blocks() {
      return blocks
    },
    get problem() {
      return problem
    },
    add(piece) {
      bytes += piece.byteLength
      if (problem !== undefined) return
      try {
        advance(piece)
      } catch (err) {
        problem = err instanceof Error ? err.message : String(err)
      }
    },
  }
}
