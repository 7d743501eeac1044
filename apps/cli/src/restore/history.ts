import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'

/** What the audit stream holds, the oldest first, by command. */
export async function readHistory(bus: Bus): Promise<Map<string, RestoreAudited[]>> {
  const found = new Map<string, RestoreAudited[]>()
  const done = new AbortController()
  const reading = { since: 0, signal: done.signal, caughtUp: () => done.abort() }
  for await (const fact of bus.follow(RestoreAudited, reading))
    found.set(fact.restoreId, [...(found.get(fact.restoreId) ?? []), fact])
  return found
}

/** These tell how far a command has come, and that it goes on. */
const UNDER_WAY: readonly RestoreAudited['event'][] = ['accepted', 'compared']

/**
 * What ended a command, or took it past the point where it could be cancelled. A refusal of one that was accepted is about somebody who sent it once more.
 *
 * @param events of one command
 */
export function endOf<E extends Pick<RestoreAudited, 'event'>>(events: readonly E[]): E | undefined {
  const accepted = events.some(({ event }) => event === 'accepted')
  return events.find(({ event }) => !UNDER_WAY.includes(event) && !(event === 'refused' && accepted))
}
