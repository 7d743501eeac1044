import type { FleetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type OperatorKey, signOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command, Context } from '../context.ts'
import { type Style, styleFor } from '../format/style.ts'
import { withFleet } from '../open-fleet.ts'
import type { Outcome } from '../output.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { hooksOf } from '../restore/ask-plan.ts'
import { type Handed, tooFewText, writtenText } from '../restore/hand-over.ts'
import { obeyInTurn } from '../restore/obey-in-turn.ts'
import { openKey } from '../restore/operator-keys.ts'
import { type OrderFile, writeOrderFile } from '../restore/order-file.ts'
import { orderOf } from '../restore/order-of.ts'
import { hooksAround } from '../restore/set-hooks.ts'
import { type PlannedSet, type PlannedStep, planSet, type RestoreSetArgs } from '../restore/set-plan.ts'
import { setPlanText } from '../restore/set-text.ts'

const GOES_ON =
  'When the cause is mended, the same command without `--again` goes on with them; one that names sources, when it names these alone.'
/** All are signed at once, and the last is sent when those before it are done. */
const WRITTEN_VALID = '24h'

/**
 * Brings everything of one recovery point back: one plan, one confirmation, then a signed command for each source, one after the other. The first
 * that fails ends it; what came back until then stays, and each source can be reverted by itself. Given again it goes on behind that. Or all of them are written
 * down for another operator to sign.
 */
export const restoreSet: Command<RestoreSetArgs> = (given, context) =>
  withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
    const args = given.out === undefined ? given : { ...given, validFor: given.validFor ?? WRITTEN_VALID }
    const { terminal, options, clock } = context
    const key = args.planOnly ? undefined : await openKey(args.key, terminal)
    using line = new LiveLine(terminal, { silent: options.json ?? false })
    const set = await planSet(args, { bus, config, terminal, clock, line })
    const { point, earlier, steps, leftOut } = set
    const obstacles = steps.flatMap(({ plan }) => plan.obstacles)
    const text = (style: Style) => setPlanText(set, style)
    const told = steps.map(({ sourceId, backupId, as, plan }) => ({ sourceId, backupId, as, plan }))
    const plan = { point: point.point, earlier, steps: told, leftOut }
    if (key === undefined) return { value: plan, text, ...(obstacles.length > 0 && { exit: 'failed' as const }) }
    line.say(text(styleFor(false)))
    const [obstacle] = obstacles
    if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
    const begun = earlier.filter((step) => step.earlier.state !== 'done')
    if (args.out !== undefined && begun.length > 0) throw new LifeboatError('CLI_USAGE', { problem: begunText(begun) })
    const several = Math.max(1, ...steps.map(({ plan }) => plan.signatures))
    if (several > 1 && args.out === undefined) throw new LifeboatError('CLI_USAGE', { problem: tooFewText(several) })
    await confirmName(point.setId, args.yesIMean, terminal, line)
    const fleetId = config.fleet
    const wish = (step: PlannedStep) => wishOf(step, fleetId, key, clock.now())
    if (args.out !== undefined) {
      const wishes = await Promise.all(steps.map(wish))
      const before = earlier.map(({ earlier: { restoreId } }) => restoreId)
      const file = { point: point.point, ...(before.length > 0 && { before }), wishes }
      return withPlan(await writeSet(args.out, file, context), plan)
    }
    const sources = [...earlier, ...steps].map(({ sourceId }) => sourceId)
    const around = (sourceId: string) => ({ hooks: hooksOf(hooksAround(sourceId, { ...args }, sources)) })
    const turns = [
      ...earlier.map((step) => ({ ...step, ...around(step.sourceId) })),
      ...steps.map((step) => ({ ...step, ...around(step.sourceId), wish: () => wish(step) })),
    ]
    return withPlan(await obeyInTurn(bus, turns, context, { timeout: args.timeout, goesOn: () => GOES_ON }), plan)
  })

/** With `--json` nothing else shows it. */
function withPlan(outcome: Outcome, plan: object): Outcome {
  return { ...outcome, value: { ...(outcome.value as object), plan } }
}

/** What is written down is sent by somebody who knows nothing of a restore under way, and would begin beside it. */
function begunText(begun: PlannedSet['earlier']): string {
  const ids = begun.map(({ sourceId, earlier }) => `${earlier.restoreId} (${sourceId})`).join(', ')
  return `an earlier run is still at ${ids}: write down the others when that is done (\`lifeboat restore status\`)`
}

async function wishOf(step: PlannedStep, fleetId: FleetId, key: OperatorKey, nowMs: number): Promise<Handed> {
  const { to, sealedIdentity, plan } = step
  const order = orderOf(to, step.args, { fleetId, plan, sealedIdentity, nowMs })
  return { restoreId: order.restoreId, agentId: to.agentId, order: await signOrder(order, key) }
}

async function writeSet(file: string, orders: OrderFile, { terminal }: Context): Promise<Outcome> {
  if (orders.wishes.length === 0) throw new LifeboatError('CLI_USAGE', { problem: 'nothing is left to be commanded' })
  const path = await writeOrderFile(file, orders, terminal)
  const ids = orders.wishes.map(({ restoreId }) => restoreId)
  return { value: { point: orders.point, restoreIds: ids, file: path }, text: () => writtenText(file, path) }
}
