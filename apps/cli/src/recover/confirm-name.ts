import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { LiveLine } from '../progress/live-line.ts'
import type { Terminal } from '../terminal.ts'

/**
 * Demands the name of the database or the source that is about to be touched, typed now or given beforehand.
 *
 * @throws LifeboatError CLI_USAGE
 */
export async function confirmName(
  database: string,
  given: string | undefined,
  terminal: Pick<Terminal, 'ask' | 'signal'>,
  live: Pick<LiveLine, 'say'>,
): Promise<void> {
  if (given === undefined) live.say(`This concerns ${database}.`)
  const typed = given ?? (await terminal.ask?.('Type its name to go on: '))
  terminal.signal.throwIfAborted()
  if (typed !== database)
    throw new LifeboatError('CLI_USAGE', { problem: 'not confirmed: another name was typed, or none', database, typed })
}
