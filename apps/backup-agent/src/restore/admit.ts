import type { AgentId, FleetId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreHooks, RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export interface Gatekeeping {
  fleetId: FleetId
  agentId: AgentId
  /** Sources of this agent that it may restore. */
  restorable: ReadonlyMap<SourceId, 'database' | 'files'>
  hooks: ReadonlySet<string>
  /** Those of them that cannot be run, and why. */
  unfitHooks: ReadonlyMap<string, LifeboatError>
  /** The nonce was obeyed before. */
  used: boolean
  nowMs: number
}

/** A command that lies about for longer than this was not meant for now. */
const LONGEST_MS = 24 * 3_600_000
/** Clocks of two hosts differ. */
const SKEW_MS = 120_000

/** Whether a command whose signatures hold is obeyed; undefined, or why not. */
export function refusalOf(order: RestoreOrder, by: Gatekeeping): LifeboatError | undefined {
  const { fleetId, agentId, sourceId, issuedAt, expiresAt } = order
  if (fleetId !== by.fleetId || agentId !== by.agentId)
    return new LifeboatError('RESTORE_WRONG_HOST', { fleetId, agentId, ours: `${by.fleetId}/${by.agentId}` })
  if (by.used) return new LifeboatError('RESTORE_REPLAYED', { restoreId: order.restoreId })
  const [from, to] = [Date.parse(issuedAt), Date.parse(expiresAt)]
  if (by.nowMs < from - SKEW_MS || by.nowMs > to || to - from > LONGEST_MS)
    return new LifeboatError('RESTORE_EXPIRED', { issuedAt, expiresAt, longestMs: LONGEST_MS })
  const is = by.restorable.get(sourceId)
  if (is === undefined)
    return new LifeboatError('RESTORE_WRONG_HOST', { sourceId, restorable: [...by.restorable.keys()] })
  if ((order.kind === 'files') !== (is === 'files'))
    return new LifeboatError('RESTORE_WRONG_HOST', { sourceId, problem: `the source is of another kind: ${is}` })
  const missing = missingHooks(order.hooks)
  if (swapsCluster(order) && missing.length > 0) return new LifeboatError('RESTORE_HOOKS_WANTED', { missing })
  const named = Object.values(order.hooks).filter((name) => name !== undefined)
  const unknown = named.find((name) => !by.hooks.has(name))
  if (unknown !== undefined) return new LifeboatError('RESTORE_HOOK_UNKNOWN', { hook: unknown, hooks: [...by.hooks] })
  return named.map((name) => by.unfitHooks.get(name)).find((unfit) => unfit !== undefined)
}

function swapsCluster(order: RestoreOrder): boolean {
  if (order.kind !== 'cluster') return false
  if (order.action === 'restore') return order.place === 'in place' && !order.pause
  return order.action === 'revert' || (order.action === 'promote' && order.place === 'in place')
}

/** Which of those that stop the server and start it again are not named. */
export function missingHooks(hooks: RestoreHooks): ('stop' | 'start')[] {
  return (['stop', 'start'] as const).filter((on) => hooks[on] === undefined)
}
