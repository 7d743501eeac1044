import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { signOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { type Style, styleFor } from '../format/style.ts'
import { withFleet } from '../open-fleet.ts'
import type { Outcome } from '../output.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { sendOrder } from '../restore/hand-over.ts'
import { openKey } from '../restore/operator-keys.ts'
import { orderOf } from '../restore/order-of.ts'
import { type PlannedStep, planSet, type RestoreSetArgs } from '../restore/set-plan.ts'
import { setEndText, setPlanText } from '../restore/set-text.ts'

const SEVERAL_SIGN =
  'an agent wants more signatures than one: bring its sources back one by one, with `lifeboat restore run --out`'

/**
 * Brings everything of one recovery point back: one plan, one confirmation, then a signed command for each source, one after the other. The first
 * that fails ends it; what came back until then stays, and each source can be reverted by itself.
 */
export const restoreSet: Command<RestoreSetArgs> = (args, context) =>
  withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
    const { terminal, options, clock } = context
    const key = args.planOnly ? undefined : await openKey(args.key, terminal)
    using line = new LiveLine(terminal, { silent: options.json ?? false })
    const set = await planSet(args, { bus, config, terminal, clock, line })
    const { point, steps, leftOut } = set
    const obstacles = steps.flatMap(({ plan }) => plan.obstacles)
    const text = (style: Style) => setPlanText(set, style)
    if (key === undefined) {
      const told = steps.map(({ sourceId, backupId, as, plan }) => ({ sourceId, backupId, as, plan }))
      const value = { point: point.point, steps: told, leftOut }
      return { value, text, ...(obstacles.length > 0 && { exit: 'failed' as const }) }
    }
    line.say(text(styleFor(false)))
    const [obstacle] = obstacles
    if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
    if (steps.some(({ plan }) => plan.signatures > 1)) throw new LifeboatError('CLI_USAGE', { problem: SEVERAL_SIGN })
    await confirmName(point.setId, args.yesIMean, terminal, line)

    const done: { sourceId: string; outcome: Outcome }[] = []
    for (const [no, step] of steps.entries()) {
      const { sourceId, to, sealedIdentity, plan } = step
      line.say(`${no + 1} of ${steps.length}: ${sourceId}, ${step.as}`)
      const order = orderOf(to, step.args, { fleetId: config.fleet, plan, sealedIdentity, nowMs: clock.now() })
      const wish = { restoreId: order.restoreId, agentId: to.agentId, order: await signOrder(order, key) }
      const outcome = await sendOrder(bus, wish, context, args.timeout)
      done.push({ sourceId, outcome })
      if (outcome.exit !== undefined) break
    }
    return ended(done, steps)
  })

function ended(done: readonly { sourceId: string; outcome: Outcome }[], steps: readonly PlannedStep[]): Outcome {
  const exit = done.at(-1)?.outcome.exit
  // One that is no longer waited for goes on: to send it again would be to restore it twice.
  const ready = exit === 'failed' ? done.length - 1 : done.length
  const notDone = steps.slice(ready).map(({ sourceId }) => sourceId)
  return {
    value: { steps: done.map(({ sourceId, outcome }) => ({ sourceId, ...(outcome.value as object) })), notDone },
    text: (style) => setEndText(done, notDone, style),
    ...(exit !== undefined && { exit }),
  }
}
