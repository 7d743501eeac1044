import { Command as Commander } from 'commander'
import { exitCodesHelp } from './exit-codes.ts'
import { addBackups } from './program/backups.ts'
import { addKeeping } from './program/keep.ts'
import { addKeys } from './program/keys.ts'
import { addLooking } from './program/look.ts'
import { addRecovering } from './program/recover.ts'
import { addRestoring } from './program/restore.ts'
import { addSettingUp } from './program/set-up.ts'
import { type Invoke, shapeOf } from './program/shape.ts'
import type { Terminal } from './terminal.ts'

/** The whole command line. Nothing is imported or read before a command runs. */
export function buildProgram(terminal: Pick<Terminal, 'out' | 'err'>, invoke: Invoke): Commander {
  const program = new Commander('lifeboat')
    .description('Backs up PostgreSQL to several clouds and proves every backup by restoring it.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      // What was typed wrong is thrown, and told as every other error is.
      outputError: () => {},
    })
    .addHelpText('afterAll', exitCodesHelp())
    .showSuggestionAfterError()
  const shape = shapeOf(program, invoke)
  for (const add of [addLooking, addBackups, addRecovering, addRestoring, addKeeping, addKeys, addSettingUp]) add(shape)
  return program
}
