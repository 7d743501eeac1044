import type { TargetSurvey } from '@lifeboat/catalog/audit/buckets.ts'
import type { IncidentRule } from '@lifeboat/shared/domain/incident.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Finding, Judgement, Rule, World } from '../world.ts'
import { isUsed } from './is-used.ts'

type Classes = NonNullable<TargetSurvey['classes']>
type Told = Omit<Finding, 'cause' | 'rule'>

/** A rule of the bucket moves what it should leave alone, or its default is the wrong class; what must be thawed first no drill and no restore can read. */
export const classMisplaced: Rule = (world) =>
  eachTarget(world, 'class-misplaced', (targetId, { misplaced: { objects, offline, shown } }) => {
    if (objects === 0) return undefined
    const rest = objects - shown.length
    return {
      severity: offline > 0 ? 'critical' : 'warning',
      title: `Objects on ${targetId} lie in a storage class they do not belong in`,
      details: [
        ...(offline > 0
          ? [`${offline} cannot be read before they are thawed: no drill and no restore can use them`]
          : []),
        ...shown.map(({ key, storageClass }) => `${key}: ${storageClass}`),
        ...(rest > 0 ? [`and ${rest} more`] : []),
      ],
      hint: `Look at the lifecycle rules and the default class of the bucket of ${targetId}: nothing but marked parts may move, and to no class that must be thawed. Then give these back the standard class (docs/targets.md, "Moving parts by age").`,
    }
  })

/** The rule that should move parts is not there, or does not do so. */
export const classLate: Rule = (world) =>
  eachTarget(world, 'class-late', (targetId, { late: { parts, bytes }, moved }) => {
    if (parts === 0) return undefined
    return {
      severity: 'warning',
      title: `Parts on ${targetId} should have moved to a cheaper class and have not`,
      details: [`${parts} parts, ${formatBytes(bytes)}, days after they should have; ${moved.parts} did move`],
      hint: `\`lifeboat target lifecycle ${targetId}\` prints the rule; look whether the bucket has it, for the same prefix and days, and whether it is enabled.`,
    }
  })

/** A look that is not believed says nothing of the target, neither that it is well. */
function eachTarget(
  world: World,
  rule: IncidentRule,
  judge: (targetId: string, classes: Classes) => Told | undefined,
): Judgement[] {
  return world.surveys.flatMap(({ targetId, classes, doubt }): Judgement[] => {
    if (classes === undefined || !isUsed(world, targetId)) return []
    const cause = `${rule}.${targetId}`
    if (doubt !== undefined) return [{ cause, unknown: true }]
    const told = judge(targetId, classes)
    return told === undefined ? [] : [{ cause, rule, ...told }]
  })
}
