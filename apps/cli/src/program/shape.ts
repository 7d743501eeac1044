import { CONFIG_VARIABLE } from '@lifeboat/config/config-path.ts'
import type { Command as Commander } from 'commander'
import type { Command, CommonOptions } from '../context.ts'

/** Runs one command with its arguments; each is imported only when it is used, so that `status` waits for no cloud SDK. */
export type Invoke = (command: Command<never>, args: never, options: CommonOptions) => Promise<void>

/** What the parts of the command line are made with. */
export interface Shape {
  program: Commander
  /** Something that has commands. */
  noun(name: string, about: string): Commander
  /** A command, with the options all have. */
  verb(parent: Commander, usage: string, about: string): Commander
  /** @param names what its arguments are called, in their order */
  does<A extends object>(
    command: Commander,
    load: () => Promise<Command<A>>,
    names?: readonly (keyof A & string)[],
  ): void
}

export function shapeOf(program: Commander, invoke: Invoke): Shape {
  return {
    program,
    noun: (name, about) => program.command(name).description(about),
    verb: (parent, usage, about) => withCommon(parent.command(usage).description(about)),
    does(command, load, names = []) {
      command.action(async (...given: unknown[]) => {
        const args = { ...command.opts(), ...Object.fromEntries(names.map((name, i) => [name, given[i]])) }
        await invoke((await load()) as Command<never>, args as never, command.opts())
      })
    },
  }
}

export function withWaiting(command: Commander): Commander {
  return command.option('--timeout <time>', 'stop waiting after this long: 90s, 15m, 2h')
}

function withCommon(command: Commander): Commander {
  return command
    .option(
      '--config <file>',
      `lifeboat.yaml (default ${CONFIG_VARIABLE}, ./lifeboat.yaml, /etc/lifeboat/lifeboat.yaml)`,
    )
    .option('--json', 'print one JSON value; errors as { "error": … }')
    .option('--verbose', 'tell on standard error what is said to NATS')
}
