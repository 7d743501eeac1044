import type { Env } from '@lifeboat/config/config-path.ts'

/** Everything of the process a command may touch. */
export interface Terminal {
  readonly env: Env
  readonly cwd: string
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal
  /** Answers go here. */
  out(text: string): void
  /** Progress, warnings and errors go here. */
  err(text: string): void
  /** Asks whoever sits there and gives the line they typed, trimmed; undefined when nobody does. Absent where nobody can be asked. */
  ask?(question: string): Promise<string | undefined>
  /** The same for what must not show while it is typed. */
  askSecret?(question: string): Promise<string | undefined>
  /** Whether colours may be used on standard output. */
  readonly colour: boolean
  /** Width of a line that may be redrawn on standard error; undefined when it is no terminal. */
  readonly liveWidth: number | undefined
}

/** @see https://no-color.org – any non-empty NO_COLOR turns colours off */
export function wantsColour(isTerminal: boolean, env: Env): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
}
