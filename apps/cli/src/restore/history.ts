import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RestoreAudited, RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { readOrder } from '@lifeboat/shared/signing/orders.ts'

/** What the audit stream holds, the oldest first, by command. */
export async function readHistory(bus: Bus): Promise<Map<string, RestoreAudited[]>> {
  const found = new Map<string, RestoreAudited[]>()
  const done = new AbortController()
  const reading = { since: 0, signal: done.signal, caughtUp: () => done.abort() }
  for await (const fact of bus.follow(RestoreAudited, reading))
    found.set(fact.restoreId, [...(found.get(fact.restoreId) ?? []), fact])
  return found
}

/** A command that was sent and that no agent has settled. */
export interface Sent {
  /** When it was sent: one that was written down first may have been signed hours before. */
  at: Moment
  wish: RestoreRequested
  /** Who claims to have signed it nobody has looked at. */
  order: RestoreOrder
}

export async function readSent(bus: Bus): Promise<Sent[]> {
  const found: Sent[] = []
  for await (const { at, data: wish } of bus.waiting(RestoreRequested)) {
    try {
      found.push({ at, wish, order: readOrder(wish.order).order })
    } catch {
      // No agent will take it for an order either.
    }
  }
  return found
}

/** The end of a command that was accepted, as the audit has it. @param events of one command */
export function conclusionOf(events: readonly RestoreAudited[]): RestoreAudited | undefined {
  return events.find(({ event }) => event === 'done' || event === 'failed' || event === 'cancelled')
}

/** @param events of one command */
export function acceptanceOf(events: readonly RestoreAudited[] = []): RestoreAudited | undefined {
  return events.find(({ event }) => event === 'accepted')
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
