import { timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import type { Outcome } from '../output.ts'
import type { Earlier } from './earlier-run.ts'
import { planText } from './plan-text.ts'
import type { PlannedSet } from './set-plan.ts'
import { leftText } from './set-steps.ts'

const EARLIER: Record<Earlier['state'], string> = {
  done: 'brought it back',
  'under way': 'is at it still and is waited for',
  sent: 'was sent, and is waited for until its agent has heard of it and is through',
}

/** The one plan for all of it. */
export function setPlanText({ point, earlier, steps, leftOut }: PlannedSet, style: Style): string {
  const before = earlier.map(({ sourceId, as, earlier: { restoreId, at, state } }) => {
    return `${style.bold(sourceId)}, ${as}: ${restoreId} of ${timeText(at)} ${EARLIER[state]}; \`--again\` would do it once more`
  })
  const each = steps.map(
    ({ plan, sourceId, as }, no) => `${no + 1}. ${style.bold(sourceId)}, ${as}\n${indent(planText(plan, style))}`,
  )
  const left = leftOut.map((member) => `left out: ${leftText(member)}`)
  return [`${point.point}, ${point.state}`, ...before, ...each, ...left].join('\n')
}

/** What came of one source. */
export interface StepDone {
  sourceId: string
  outcome: Outcome
  /** By an earlier run. */
  earlier: boolean
}

/** What came of it. @param notDone the source that failed, and those behind it; @param stopped a hook behind which nothing was started again */
export function setEndText(
  done: readonly StepDone[],
  { notDone, stopped }: { notDone: readonly string[]; stopped?: string | undefined },
  goesOn: string,
  style: Style,
): string {
  const each = done.map(({ sourceId, outcome, earlier }) => {
    const by = earlier ? ', by an earlier run of this command and not once more' : ''
    return `${style.bold(sourceId)}${by}\n${indent(outcome.text(style))}`
  })
  const next = `Not brought back: ${notDone.join(', ')}. ${goesOn}`
  const still = `What the stop hook ${stopped} has stopped stands still: no start hook has run behind it.`
  return [...each, ...(notDone.length === 0 ? [] : [next]), ...(stopped === undefined ? [] : [style.bad(still)])].join(
    '\n',
  )
}
