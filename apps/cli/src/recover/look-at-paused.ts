import type { Paused } from '@lifeboat/recovery/bare/recover-cluster.ts'
import type { LiveLine } from '../progress/live-line.ts'
import type { Terminal } from '../terminal.ts'

/** Tells how to look at a server that stands still at its goal, and waits for the operator's word; without one it is promoted by nobody. */
export async function lookAtPaused(
  { connection, recovered }: Paused,
  terminal: Pick<Terminal, 'ask' | 'signal'>,
  live: Pick<LiveLine, 'say'>,
): Promise<'promote' | 'discard'> {
  const commit = recovered.lastCommitAt ? `, last commit ${recovered.lastCommitAt}` : ''
  live.say(
    `It stands still at ${recovered.lsn} on timeline ${recovered.timeline}${commit}. Look at it, read-only, as the account of the server:`,
  )
  live.say(`  psql -h ${connection.host} -p ${connection.port} -U ${connection.user} -d postgres`)
  for (;;) {
    const answer = await terminal.ask?.('promote or discard? ')
    terminal.signal.throwIfAborted()
    // Nobody is there to answer.
    if (answer === undefined) return 'discard'
    if (answer === 'promote' || answer === 'discard') return answer
  }
}
