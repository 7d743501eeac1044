import { isDeepStrictEqual } from 'node:util'
import { commandedBy, type RestoreAudited, type RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import type { RestoreHooks, RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { readOrder } from '@lifeboat/shared/signing/orders.ts'
import { type Begun, begunOf, type Seen, waitingOf } from './begun.ts'
import { acceptanceOf, conclusionOf } from './history.ts'

/** One command of a set that was written down. */
export interface Filed {
  wish: RestoreRequested
  order: RestoreOrder
  hooks: RestoreHooks
  /** What is or was done of it; undefined where it is still to be sent. */
  begun: Begun | undefined
}

/**
 * How far the commands of a set file have come. One that failed or was refused is over for good, since a signed command is obeyed once; where the like of it was signed anew and
 * sent since, that one counts in its stead, and the file goes on behind it.
 *
 * @throws LifeboatError RESTORE_SET_CHANGED – what is still to be sent would come behind something that is no longer as the file left it
 */
export function filedSteps(wishes: readonly RestoreRequested[], seen: Seen): Filed[] {
  const steps = wishes.map((wish): Filed => {
    const { order } = readOrder(wish.order)
    const own = seen.begun.get(wish.restoreId)
    const failedAt = failureOf(own?.events ?? seen.history.get(wish.restoreId))?.at
    const begun = (failedAt !== undefined && anewOf(order, failedAt, seen)) || own
    return { wish, order, hooks: begun?.hooks ?? order.hooks, begun }
  })
  const unsent = steps.findIndex(({ begun }) => begun === undefined)
  for (const step of steps.slice(0, Math.max(unsent, 0))) demandUnchanged(step, seen)
  return steps
}

/** A refusal of one that was accepted is about somebody who sent it once more, or too early. */
function failureOf(events: readonly RestoreAudited[] = []): RestoreAudited | undefined {
  if (!acceptanceOf(events)) return events.findLast(({ event }) => event === 'refused')
  const end = conclusionOf(events)
  return end?.event === 'done' ? undefined : end
}

/** The last command of the same content that was given behind a moment. */
function anewOf(order: RestoreOrder, behind: string, { sent, history }: Seen): Begun | undefined {
  const heard = [...history.values()].filter((events) => isLike(acceptanceOf(events), order))
  const unheard = sent.filter((each) => isLike(commandedBy(each.order), order))
  return [...unheard.map(waitingOf), ...heard.flatMap((events) => begunOf(events) ?? [])]
    .filter(({ at }) => at > behind)
    .reduce<Begun | undefined>((last, each) => (last && last.at > each.at ? last : each), undefined)
}

/** Whatever another command swapped behind it is not what the commands behind it were planned with. */
function demandUnchanged({ order, begun }: Filed, { history }: Seen): void {
  const swap = begun?.events.find(({ event }) => event === 'swapped')
  if (!swap || conclusionOf(begun?.events ?? [])?.event !== 'done') return
  const last = [...history.values()]
    .flat()
    .filter(({ event, sourceId }) => event === 'swapped' && sourceId === order.sourceId)
    .reduce((one, other) => (other.at > one.at ? other : one), swap)
  if (last === swap || isLike(last, order)) return
  const { sourceId, restoreId, action, at } = last
  throw new LifeboatError('RESTORE_SET_CHANGED', { sourceId, restoreId, action, at })
}

/** Who signed it, why, and what runs around it may be others. */
function isLike(told: Partial<RestoreAudited> | undefined, order: RestoreOrder): boolean {
  const contentOf = ({
    action,
    sourceId,
    kind,
    backupId,
    tables,
    into,
    place,
    goal,
    timeline,
  }: typeof told & object) => ({
    ...{ action, sourceId, kind, backupId, tables, into, place, goal, timeline },
  })
  return told !== undefined && isDeepStrictEqual(contentOf(told), contentOf(commandedBy(order)))
}
