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
