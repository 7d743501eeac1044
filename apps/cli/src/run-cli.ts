import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import { CommanderError } from 'commander'
import { EXIT_CODES, exitOf } from './exit-codes.ts'
import { show, showError } from './output.ts'
import { buildProgram } from './program.ts'
import type { Terminal } from './terminal.ts'

/** Runs one command line and gives the exit code; nothing is thrown. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT_CODES.ok.code
  const program = buildProgram(terminal, async (command, args, options) => {
    try {
      code = show(await command(args, { terminal, options, clock: systemClock }), terminal, options.json ?? false)
    } catch (thrown) {
      code = failure(thrown, terminal, options.json ?? false)
    }
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (thrown) {
    const json = argv.includes('--json')
    if (!(thrown instanceof CommanderError)) return failure(thrown, terminal, json)
    if (thrown.exitCode === 0) return EXIT_CODES.ok.code
    // A noun without a verb has shown its help already.
    return thrown.code === 'commander.help' ? EXIT_CODES.usage.code : failure(usageOf(thrown), terminal, json)
  }
}

/** `error: unknown command 'stauts'`, and on a line of its own, where there is one, `(Did you mean status?)`. */
function usageOf({ message }: CommanderError): LifeboatError {
  const [problem = '', aside] = message.replace(/^error: /, '').split('\n')
  return new LifeboatError('CLI_USAGE', { problem, suggestion: aside?.replace(/^\((.*)\)$/, '$1') })
}

function failure(thrown: unknown, terminal: Terminal, json: boolean): number {
  if (terminal.signal.aborted) return EXIT_CODES.interrupted.code
  const err = LifeboatError.from(thrown)
  showError(err.toReport(), terminal, json)
  return EXIT_CODES[exitOf(err.code)].code
}
