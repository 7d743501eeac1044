import { CATALOGUE, type ErrorCode } from './catalogue.ts'
import type { CatalogueEntry } from './entries/entry.ts'

/** What varies between two errors of one code: ids, counts, paths; never secrets, never a sentence. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/** The form an error takes on the bus, in the catalogue and in `--json`. */
export interface ErrorReport {
  code: ErrorCode
  title: string
  hint: string
  facts: Facts
}

/**
 * The only error Lifeboat throws on purpose: a code from the catalogue plus the facts of this case.
 *
 * Foreign errors are translated where they are understood (`diagnose.ts`, each target); above that nobody looks at message text.
 */
export class LifeboatError extends Error {
  override readonly name = 'LifeboatError'
  readonly code: ErrorCode
  readonly facts: Facts

  constructor(code: ErrorCode, facts: Facts = {}, options?: { cause?: unknown }) {
    super(`${code}: ${CATALOGUE[code].title}${describeFacts(facts)}`, options)
    this.code = code
    this.facts = facts
  }

  get title(): string {
    return this.entry.title
  }
  /** The next thing to look at, in the operator's words. */
  get hint(): string {
    return this.entry.hint
  }
  /** `now`: the cause is already gone · `later`: worth another try after a pause · `never`: trying again cannot help. */
  get retry(): CatalogueEntry['retry'] {
    return this.entry.retry
  }
  get level(): CatalogueEntry['level'] {
    return this.entry.level
  }
  /** Longest pause before another try, milliseconds. */
  get pauseMs(): number | undefined {
    return this.entry.pauseMs
  }

  get firstPauseMs(): number | undefined {
    return this.entry.firstPauseMs
  }
  private get entry(): CatalogueEntry {
    return CATALOGUE[this.code]
  }

  toReport(): ErrorReport {
    return { code: this.code, title: this.title, hint: this.hint, facts: this.facts }
  }

  /** Anything thrown becomes a LifeboatError; what nobody translated is `INTERNAL` with the original as cause. */
  static from(thrown: unknown): LifeboatError {
    if (thrown instanceof LifeboatError) return thrown
    // An aborted signal rejects with its reason, sometimes wrapped by the library that listened to it.
    if (thrown instanceof Error && thrown.cause instanceof LifeboatError) return thrown.cause
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return new LifeboatError('INTERNAL', { message }, { cause: thrown })
  }

  static is(thrown: unknown, code: ErrorCode): thrown is LifeboatError {
    return thrown instanceof LifeboatError && thrown.code === code
  }
}

function describeFacts(facts: Facts): string {
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined)
  return shown.length === 0 ? '' : ` (${shown.map(([name, value]) => `${name}=${String(value)}`).join(', ')})`
}
