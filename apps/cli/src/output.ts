import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { EXIT_CODES, type ExitName } from './exit-codes.ts'
import { errorText } from './format/error-text.ts'
import { type Style, styleFor } from './format/style.ts'
import type { Terminal } from './terminal.ts'

/** What a command found out: one value, shown as text or as JSON. */
export interface Outcome {
  /** undefined when the command has written its answer line by line. */
  value: unknown
  text(style: Style): string
  /** Default `ok`. */
  exit?: ExitName
}

/** Writes an outcome and gives the exit code. */
export function show(outcome: Outcome, terminal: Pick<Terminal, 'out' | 'colour'>, json: boolean): number {
  if (json && outcome.value !== undefined) terminal.out(`${JSON.stringify(outcome.value, null, 2)}\n`)
  if (!json) terminal.out(lineEnd(outcome.text(styleFor(terminal.colour))))
  return EXIT_CODES[outcome.exit ?? 'ok'].code
}

/** Errors are text on standard error, or, for `--json`, `{ "error": … }` on standard output where a script reads anyway. */
export function showError(report: ErrorReport, terminal: Terminal, json: boolean): void {
  if (json) terminal.out(`${JSON.stringify({ error: report }, null, 2)}\n`)
  else terminal.err(`${errorText(report, styleFor(terminal.colour && terminal.liveWidth !== undefined))}\n`)
}

function lineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
