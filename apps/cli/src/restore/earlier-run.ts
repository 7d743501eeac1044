import { isDeepStrictEqual } from 'node:util'
import { commandedBy, type RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import type { Begun } from './begun.ts'
import type { Sent } from './history.ts'
import type { SetStep } from './set-steps.ts'
import { tableRefsOf } from './tables-wish.ts'

/** What an earlier run of the same command has done of a step. */
export interface Earlier extends Pick<Begun, 'restoreId' | 'agentId' | 'at'> {
  state: 'done' | 'under way' | 'sent'
}

/** Behind that a command is given anew, and no more gone on with. */
const LONGEST_MS = 24 * 3_600_000

/**
 * How far an earlier run of `restore set` came with these steps, from the first on: whose terminal was lost, or who mended what a step failed of, gives the same command again and nothing is
 * done twice. A source that was restored, reverted or released otherwise since is not as that run left it.
 *
 * @param history events by command, each the oldest first
 * @param sent what waits for an agent: one that is away obeys it when it is back
 */
export function earlierRun(
  steps: readonly SetStep[],
  history: Iterable<readonly RestoreAudited[]>,
  sent: readonly Sent[],
  nowMs: number,
): Map<SourceId, Earlier> {
  const newest = newestOfSources([...history, ...sent.filter((each) => isValid(each, nowMs)).map(asSent)])
  const found = new Map<SourceId, Earlier>()
  let after = ''
  for (const step of steps) {
    const events = newest.get(step.sourceId) ?? []
    const [first] = events
    if (!first || !isOf(first, step) || first.at < after || Date.parse(first.at) < nowMs - LONGEST_MS) break
    const state = stateOf(events)
    if (state === 'failed') break
    const { restoreId, agentId, at } = first
    found.set(step.sourceId, { restoreId, agentId, at, state })
    if (state !== 'done') break
    after = at
  }
  return found
}

/** Of a command what the audit says of it, or that it was sent. */
type Told = Omit<RestoreAudited, 'event'> & { event: RestoreAudited['event'] | 'sent' }
const BEGINS: readonly Told['event'][] = ['accepted', 'sent']

/** Its agent refuses it otherwise. */
function isValid({ order }: Sent, nowMs: number): boolean {
  return nowMs <= Date.parse(order.expiresAt)
}

function asSent({ at, order }: Sent): Told[] {
  const { restoreId, agentId } = order
  return [{ ...commandedBy(order), restoreId, agentId, at, event: 'sent', who: [] }]
}

/** The last command about each source that is or was obeyed. */
function newestOfSources(history: Iterable<readonly Told[]>): Map<SourceId, readonly Told[]> {
  const newest = new Map<SourceId, readonly Told[]>()
  for (const events of history) {
    const own = events.slice(events.findIndex(({ event }) => BEGINS.includes(event)))
    const [first] = own
    if (!first || !BEGINS.includes(first.event) || first.sourceId === undefined) continue
    // It leaves the source as it is.
    if (first.kind === 'new database') continue
    const before = newest.get(first.sourceId)?.[0]
    if (before === undefined || before.at < first.at) newest.set(first.sourceId, own)
  }
  return newest
}

/** Whether it was commanded as `restore set` does it: a restore by hand to another point, or of other rows, is none of its steps. */
function isOf({ action, backupId, tables, into, goal, place, kind, root }: Told, step: SetStep): boolean {
  if (action !== 'restore' || backupId !== step.backupId) return false
  if (tables) return step.as === 'tables' && into?.how === 'replace' && !goal && areAlike(tables, step.tables)
  if (place !== undefined) return step.as === 'cluster' && place === 'in place' && goal?.to === 'end of backup'
  return step.as === (kind === 'files' || root !== undefined ? 'files' : 'database')
}

function areAlike(commanded: readonly TableRef[], named: string[] | undefined): boolean {
  const textsOf = (refs: readonly TableRef[] = []) =>
    refs.map(({ schema, name }) => JSON.stringify([schema, name])).sort()
  return isDeepStrictEqual(textsOf(commanded), textsOf(tableRefsOf({ table: named ?? [] })))
}

/** `done` only with what was brought back in its place: rows may have been loaded beside. */
function stateOf(events: readonly Told[]): Earlier['state'] | 'failed' {
  const has = (...kinds: Told['event'][]) => events.some(({ event }) => kinds.includes(event))
  if (has('failed', 'cancelled')) return 'failed'
  if (!has('done')) return has('accepted') ? 'under way' : 'sent'
  return has('swapped') ? 'done' : 'failed'
}
