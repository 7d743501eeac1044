import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { LiveLine } from '../progress/live-line.ts'
import type { Terminal } from '../terminal.ts'

/**
 * Demands the name of the database, source or set that is about to be touched, typed now or given beforehand. With `--json` nobody was shown what it is about, so
 * nobody is asked.
 *
 * @throws LifeboatError CLI_UNCONFIRMED
 */
export async function confirmName(
  name: string,
  given: string | undefined,
  terminal: Pick<Terminal, 'ask' | 'signal'>,
  live: Pick<LiveLine, 'say' | 'silent'>,
): Promise<void> {
  if (given === undefined) live.say(`This concerns ${name}.`)
  const typed = given ?? (live.silent ? undefined : await terminal.ask?.('Type its name to go on: '))
  terminal.signal.throwIfAborted()
  if (typed !== name) throw new LifeboatError('CLI_UNCONFIRMED', { name, typed: typed ?? 'nothing' })
}
