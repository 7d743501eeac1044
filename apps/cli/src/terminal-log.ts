import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Terminal } from './terminal.ts'

/** Warnings and errors as a line each on standard error; everything with `--verbose`. JSON logs belong to services. */
export function terminalLog(terminal: Pick<Terminal, 'err'>, verbose: boolean, bound: object = {}): Logger {
  const write = (level: string) => (facts: object, sentence: string) =>
    terminal.err(`${level}: ${sentence}${verbose ? ` ${JSON.stringify({ ...bound, ...plain(facts) })}` : ''}\n`)
  const quiet = () => {}
  return {
    error: write('error'),
    warn: write('warning'),
    info: verbose ? write('info') : quiet,
    debug: verbose ? write('debug') : quiet,
    child: (more) => terminalLog(terminal, verbose, { ...bound, ...more }),
  }
}

function plain(facts: object): object {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  )
}
