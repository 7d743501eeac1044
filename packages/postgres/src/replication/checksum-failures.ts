import type { ServerWord } from './messages.ts'

/** A damaged page, or what the server says about the damaged pages of a file. */
export interface ChecksumFailure {
  /** Relative to the data directory; absent when the server speaks a language that hides it. */
  file?: string
  block?: number
  /** The server's own sentence. */
  message: string
}

const ROUTINES = /^(sendFile|verify_page_checksum|verify_file_checksum|perform_base_backup)$/
/** Kept in memory and evidence at most; the server itself names five pages of a file. */
const KEPT = 1000

/** Gathers what the server warns of while it reads pages. */
export class ChecksumFailures {
  readonly found: ChecksumFailure[] = []

  note(word: ServerWord): void {
    if (word.severity !== 'WARNING' || !ROUTINES.test(word.routine ?? '') || this.found.length >= KEPT) return
    if (isTotal(word)) return
    const [, file] = /["»„«“]\s?([^"»„«“”]+?)\s?["»„«“”]/.exec(word.message) ?? []
    const [, block] = /block (\d+)/.exec(word.message) ?? []
    this.found.push({
      ...(file === undefined ? {} : { file: file.replace(/^\.\//, '') }),
      ...(block === undefined ? {} : { block: Number(block) }),
      message: word.message,
    })
  }
}

/** The last warning counts over all files and names none. */
function isTotal(word: ServerWord): boolean {
  return word.routine === 'perform_base_backup'
}
