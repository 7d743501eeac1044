import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { RecoveryPointId } from '@lifeboat/shared/domain/ids.ts'
import type { Command, Context } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import type { Outcome } from '../output.ts'
import { begunOf, seeBegun } from '../restore/begun.ts'
import { type Filed, filedSteps } from '../restore/filed.ts'
import { awaitBegun, sendOrder } from '../restore/hand-over.ts'
import { obeyInTurn, type Turn } from '../restore/obey-in-turn.ts'
import { type OrderFile, readOrderFile } from '../restore/order-file.ts'
import type { StepDone } from '../restore/set-text.ts'
import { signAnewText } from '../restore/sign-anew-text.ts'

export interface RestoreSendArgs {
  file: string
  timeout?: string
}

/** Sends what was written down; a command by itself as `nats pub` would, those of a set one after the other. What its agent has already is waited for. */
export const restoreSend: Command<RestoreSendArgs> = (args, context) =>
  withFleet(context, [], async ({ bus }) => {
    const { point, ...written } = await readOrderFile(args.file, context.terminal)
    const [first] = written.wishes
    if (point !== undefined || !first)
      return sendSet(bus, { ...written, point: point as RecoveryPointId }, args, context)
    const earlier = (await seeBegun(bus, [first])).begun.get(first.restoreId)
    return earlier ? awaitBegun(bus, earlier, context, args.timeout) : sendOrder(bus, first, context, args.timeout)
  })

async function sendSet(
  bus: Bus,
  { point, before = [], wishes }: OrderFile & { point: RecoveryPointId },
  { file, timeout }: RestoreSendArgs,
  context: Context,
): Promise<Outcome> {
  const seen = await seeBegun(bus, wishes)
  const steps = filedSteps(wishes, seen)
  const goesOn = ({ sourceId, outcome }: StepDone): string => {
    const no = steps.findIndex(({ order }) => order.sourceId === sourceId)
    const about = { file, point, outcome, nowMs: context.clock.now() }
    return signAnewText({ ...about, step: steps[no] as Filed, rest: steps.slice(no + 1) })
  }
  const back = before.flatMap((id) => begunOf(seen.history.get(id)) ?? [])
  return obeyInTurn(bus, steps.map(turnOf), context, { timeout, goesOn, before: back })
}

function turnOf({ wish, order: { sourceId }, hooks, begun }: Filed): Turn {
  return { sourceId, hooks, ...(begun ? { earlier: begun } : { wish: async () => wish }) }
}
