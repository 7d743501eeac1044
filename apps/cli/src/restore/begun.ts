import { isDeepStrictEqual } from 'node:util'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { RestoreAudited, RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import type { AgentId, Moment, RestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreHooks } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { acceptanceOf, conclusionOf, readHistory, readSent, type Sent } from './history.ts'

/** A command that is with its agent already, and is not to be sent once more. */
export interface Begun {
  restoreId: RestoreId
  agentId: AgentId
  /** When that was: what was told before is of one with fewer signatures. */
  at: Moment
  /** `sent`: its agent has not heard of it yet. */
  state: 'over' | 'under way' | 'sent'
  hooks: RestoreHooks
  /** What the audit says of it. */
  events: readonly RestoreAudited[]
}

/** All that was commanded and is waiting to be. */
export interface Seen {
  sent: readonly Sent[]
  /** By command, the oldest first. */
  history: ReadonlyMap<string, readonly RestoreAudited[]>
  /** Those that were asked about, as far as they are with their agents. */
  begun: Map<RestoreId, Begun>
}

/**
 * Which of these commands are with their agents already, by id: what became of them is to be asked, for one that is sent again is obeyed by nobody. One that was
 * refused, or that waits with fewer signatures, is none of them.
 *
 * @throws LifeboatError RESTORE_ABANDONED – nobody is at one of them any more, and nobody will tell its end
 */
export async function seeBegun(bus: Bus, wishes: readonly RestoreRequested[]): Promise<Seen> {
  const first = await see(bus, wishes)
  // One that somebody else has sent while it was looked is in the second look.
  const seen = first.begun.values().some((each) => isAbandoned(each, first)) ? await see(bus, wishes) : first
  const lost = seen.begun.values().find((each) => isAbandoned(each, seen))
  if (lost) {
    const { restoreId, agentId, at: acceptedAt } = lost
    throw new LifeboatError('RESTORE_ABANDONED', { restoreId, agentId, acceptedAt })
  }
  return seen
}

async function see(bus: Bus, wishes: readonly RestoreRequested[]): Promise<Seen> {
  // In this order: what an agent hears of between the two is in both, and one that it has settled before the first is over in the second.
  const sent = await readSent(bus)
  const history = await readHistory(bus)
  const all = wishes.map((wish) => {
    const waits = sent.find((each) => isDeepStrictEqual(each.wish, wish))
    return begunOf(history.get(wish.restoreId)) ?? (waits && waitingOf(waits))
  })
  const begun = all.filter((each) => each !== undefined).map((each) => [each.restoreId, each] as const)
  return { sent, history, begun: new Map(begun) }
}

/** @param events of one command @returns undefined where no agent has accepted it */
export function begunOf(events: readonly RestoreAudited[] = []): Begun | undefined {
  const accepted = acceptanceOf(events)
  if (!accepted) return undefined
  const { restoreId, agentId, at, hooks = {} } = accepted
  return { restoreId, agentId, at, hooks, state: conclusionOf(events) ? 'over' : 'under way', events }
}

export function waitingOf({ at, wish: { restoreId, agentId }, order: { hooks } }: Sent): Begun {
  return { restoreId, agentId, at, hooks, state: 'sent', events: [] }
}

function isAbandoned({ restoreId, state }: Begun, { sent }: Seen): boolean {
  return state === 'under way' && !sent.some(({ wish }) => wish.restoreId === restoreId)
}
