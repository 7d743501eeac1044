import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { commandedBy, RestoreAudited, RestoreRequested, RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { readOrder } from '@lifeboat/shared/signing/orders.ts'

export interface StandIn extends AsyncDisposable {
  /** What it has obeyed, in order. */
  readonly obeyed: RestoreOrder[]
}

/** Tells of commands what an agent tells, and touches nothing; a command that comes twice is refused like there. @param fails sources whose next commands fail */
export async function standInAgent(bus: Bus, agentId: string, fails = new Set<string>()): Promise<StandIn> {
  const obeyed: RestoreOrder[] = []
  const stop = new AbortController()
  const commands = { type: RestoreRequested, durable: `agent-${agentId}-restores`, route: agentId }
  const { stopped } = await bus.consume(
    commands,
    async (wish) => {
      const { order } = readOrder(wish.order)
      const { restoreId } = order
      if (obeyed.some((each) => each.restoreId === restoreId))
        throw new LifeboatError('RESTORE_REPLAYED', { restoreId })
      obeyed.push(order)
      const outcome = fails.has(order.sourceId) ? 'failed' : 'done'
      const ended = { restoreId, agentId: order.agentId, sourceId: order.sourceId }
      const failure = new LifeboatError('RESTORE_HOOK_FAILED', { hook: 'stop-app' })
      for (const event of outcome === 'done'
        ? (['accepted', 'swapped', 'done'] as const)
        : (['accepted', 'failed'] as const))
        await bus.publish(RestoreAudited, {
          ...commandedBy(order),
          ...ended,
          event,
          who: ['ann'],
          at: moment(Date.now()),
        })
      await bus.publish(RestoreSettled, {
        ...{ ...ended, outcome, swapped: outcome === 'done', at: moment(Date.now()) },
        ...(outcome === 'failed' && { error: reportOf(failure) }),
      })
    },
    { signal: stop.signal },
  )
  return {
    obeyed,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await stopped
    },
  }
}
