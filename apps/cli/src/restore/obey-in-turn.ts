import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { RestoreHooks } from '@lifeboat/shared/domain/restore.ts'
import type { Context } from '../context.ts'
import type { Outcome } from '../output.ts'
import { LiveLine } from '../progress/live-line.ts'
import type { Begun } from './begun.ts'
import type { Earlier } from './earlier-run.ts'
import { awaitBegun, type Handed, sendOrder } from './hand-over.ts'
import { type StepDone, setEndText } from './set-text.ts'

/** One source of a set: to be commanded, or commanded already by an earlier run. */
export type Turn = { sourceId: string; as?: string; hooks: RestoreHooks } & (
  | { earlier: Earlier | Begun }
  | { earlier?: never; wish: () => Promise<Handed> }
)

/**
 * Sends one command after the other, each when the one before is done. The first that fails ends it.
 *
 * @param opts.goesOn how those that are not done are gone on with, in a sentence or more; given the last that was begun
 * @param opts.before what other runs of the same brought back before
 */
export async function obeyInTurn(
  bus: Bus,
  turns: readonly Turn[],
  context: Context,
  { timeout, goesOn, before = [] }: HowInTurn,
): Promise<Outcome> {
  const { terminal, options } = context
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  const done: StepDone[] = []
  for (const [no, turn] of turns.entries()) {
    const { sourceId, as } = turn
    line.say(`${no + 1} of ${turns.length}: ${[sourceId, as].filter(Boolean).join(', ')}`)
    const outcome = turn.earlier
      ? await awaitBegun(bus, turn.earlier, context, timeout)
      : await sendOrder(bus, await turn.wish(), context, timeout)
    done.push({ sourceId, outcome, earlier: turn.earlier !== undefined })
    if (outcome.exit !== undefined) break
  }
  return ended(done, turns, { goesOn, before })
}

interface HowInTurn {
  timeout: string | undefined
  goesOn: (last: StepDone) => string
  before?: readonly Pick<Turn, 'hooks'>[]
}

function ended(
  done: readonly StepDone[],
  turns: readonly Turn[],
  { goesOn, before = [] }: Pick<HowInTurn, 'goesOn' | 'before'>,
): Outcome {
  const last = done.at(-1)
  const exit = last?.outcome.exit
  // One that is no longer waited for goes on: to send it again would be to restore it twice.
  const ready = exit === 'failed' ? done.length - 1 : done.length
  const notDone = turns.slice(ready).map(({ sourceId }) => sourceId)
  const stopped = notDone.length === 0 ? undefined : stillStopped([...before, ...turns.slice(0, ready)])
  return {
    value: {
      steps: done.map(({ sourceId, outcome, earlier }) => ({
        ...{ sourceId, ...(outcome.value as object), ...(earlier && { earlier }) },
      })),
      notDone,
      ...(stopped !== undefined && { stopped }),
    },
    text: (style) => setEndText(done, { notDone, stopped }, last ? goesOn(last) : '', style),
    ...(exit !== undefined && { exit }),
  }
}

/**
 * The stop hook behind which no start hook has run: what it stops stands still, where the source that was to start it again did not come back.
 *
 * @param back those that came back, in their order
 */
export function stillStopped(back: readonly Pick<Turn, 'hooks'>[]): string | undefined {
  return back.reduce<string | undefined>(
    (stopped, { hooks: { stop, start } }) => (start === undefined ? (stop ?? stopped) : undefined),
    undefined,
  )
}
