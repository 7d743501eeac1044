import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import type { Outcome } from '../output.ts'
import { planText } from './plan-text.ts'
import type { PlannedSet } from './set-plan.ts'
import { leftText } from './set-steps.ts'

/** The one plan for all of it. */
export function setPlanText({ point, steps, leftOut }: PlannedSet, style: Style): string {
  const each = steps.map(
    ({ plan, sourceId, as }, no) => `${no + 1}. ${style.bold(sourceId)}, ${as}\n${indent(planText(plan, style))}`,
  )
  const left = leftOut.map((member) => `left out: ${leftText(member)}`)
  return [`${point.point}, ${point.state}`, ...each, ...left].join('\n')
}

/** What came of it. @param notDone the source that failed, and those behind it */
export function setEndText(
  done: readonly { sourceId: string; outcome: Outcome }[],
  notDone: readonly string[],
  style: Style,
): string {
  const each = done.map(({ sourceId, outcome }) => `${style.bold(sourceId)}\n${indent(outcome.text(style))}`)
  const again = notDone.map((sourceId) => `--source ${sourceId}`).join(' ')
  const next = `Not brought back: ${notDone.join(', ')}. When the cause is mended, the same command with ${again} goes on.`
  return [...each, ...(notDone.length === 0 ? [] : [next])].join('\n')
}
