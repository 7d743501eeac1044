import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Outcome } from './output.ts'
import type { Terminal } from './terminal.ts'

/** The options every command understands. */
export interface CommonOptions {
  config?: string
  json?: boolean
  verbose?: boolean
}

/** What a command is handed besides its arguments. */
export interface Context {
  readonly terminal: Terminal
  readonly options: CommonOptions
  readonly clock: Clock
}

/** One command: arguments in, one value out. It prints nothing itself but progress on `terminal.err`. */
export type Command<Arguments extends object> = (args: Arguments, context: Context) => Promise<Outcome>
