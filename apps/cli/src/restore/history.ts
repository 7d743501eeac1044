import { isDeepStrictEqual } from 'node:util'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RestoreAudited, RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import type { AgentId, Moment, RestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
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

/** A command that is with its agent already, and is not to be sent once more. */
export interface Begun {
  restoreId: RestoreId
  agentId: AgentId
  /** When that was: what was told before is of one with fewer signatures. */
  at: Moment
  /** `sent`: its agent has not heard of it yet. */
  state: 'over' | 'under way' | 'sent'
  /** What the audit says of it. */
  events: readonly RestoreAudited[]
}

/**
 * Which of these commands are with their agents already, by id: what became of them is to be asked, for one that is sent again is obeyed by nobody. One that was
 * refused, or that waits with fewer signatures, is none of them.
 *
 * @throws LifeboatError RESTORE_ABANDONED – nobody is at one of them any more, and nobody will tell its end
 */
export async function begunOf(bus: Bus, wishes: readonly RestoreRequested[]): Promise<Map<RestoreId, Begun>> {
  const { begun, abandoned } = await lookFor(bus, wishes)
  if (abandoned.length === 0) return begun
  // One that somebody else has sent while it was looked is in the second look.
  const again = await lookFor(bus, wishes)
  const [lost] = again.abandoned
  if (lost)
    throw new LifeboatError('RESTORE_ABANDONED', {
      ...{ restoreId: lost.restoreId, agentId: lost.agentId, acceptedAt: lost.at },
    })
  return again.begun
}

async function lookFor(bus: Bus, wishes: readonly RestoreRequested[]) {
  // In this order: what an agent hears of between the two is in both, and one that it has settled before the first is over in the second.
  const sent = await readSent(bus)
  const history = await readHistory(bus)
  const begun = new Map<RestoreId, Begun>()
  const abandoned: RestoreAudited[] = []
  for (const wish of wishes) {
    const { restoreId, agentId } = wish
    const events = history.get(restoreId) ?? []
    const accepted = acceptanceOf(events)
    const waits = sent.find((each) => isDeepStrictEqual(each.wish, wish))
    const { at } = accepted ?? waits ?? {}
    if (at === undefined) continue
    const state = accepted ? (conclusionOf(events) ? 'over' : 'under way') : 'sent'
    begun.set(restoreId, { restoreId, agentId, at, state, events })
    if (accepted && state === 'under way' && !sent.some((each) => each.wish.restoreId === restoreId))
      abandoned.push(accepted)
  }
  return { begun, abandoned }
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
