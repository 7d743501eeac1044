import type { ServerWord } from './messages.ts'

/** A damaged page, or what the server says about the damaged pages of a file. */
export interface ChecksumFailure {
  /** Relative to the data directory; absent when the server speaks a language that hides it. */
  file?: string
  block?: number
  /** The server's own sentence. */
  message: string
}

/** Kept in memory and evidence at most; the server itself names five pages of a file. */
const KEPT = 1000

/**
 * Gathers what the server warns of while it reads pages.
 *
 * Which of its functions warns differs between versions, and the words between languages; but it warns of little else, and damage it found
 * always ends in a verdict of its own. So the warnings count when that verdict came.
 */
export class ChecksumFailures {
  readonly #warnings: ServerWord[] = []

  note(word: ServerWord): void {
    // The last warning counts over all files and names none.
    const counts = word.routine === 'perform_base_backup'
    if (word.severity === 'WARNING' && !counts && this.#warnings.length < KEPT) this.#warnings.push(word)
  }

  /** What was found, once the server has said that something was. */
  found(): ChecksumFailure[] {
    return this.#warnings.map(failureOf)
  }
}

function failureOf({ message }: ServerWord): ChecksumFailure {
  const [, file] = /["»„«“]\s?([^"»„«“”]+?)\s?["»„«“”]/.exec(message) ?? []
  const [, block] = /block (\d+)/.exec(message) ?? []
  return {
    ...(file === undefined ? {} : { file: file.replace(/^\.\//, '') }),
    ...(block === undefined ? {} : { block: Number(block) }),
    message,
  }
}
