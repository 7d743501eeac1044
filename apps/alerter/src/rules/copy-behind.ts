import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { planKey, type Rule } from '../world.ts'

const BEHIND_AFTER_MS = 6 * 3_600_000

/** A target lacks copies of sealed backups for long, or can never take one. One incident per target: a cloud that is away is one cause. */
export const copyBehind: Rule = (world) => {
  const targets = [...new Set(world.plans.flatMap((plan) => plan.targets))]
  const sealed = [...new Map(world.plans.map((plan) => [planKey(plan), plan])).values()]
    .flatMap((plan) => world.backups.get(planKey(plan)) ?? [])
    .filter((row) => row.sealedAt !== undefined)
  return targets.flatMap((target) => {
    const refused = sealed.filter((row) => copyOf(row, target) === 'refused')
    const behind = sealed.filter(
      (row) => copyOf(row, target) === 'expected' && ageMs(row, world.nowMs) > BEHIND_AFTER_MS,
    )
    const oldest = behind.toSorted((a, b) => (a.backupId < b.backupId ? -1 : 1))[0]
    if (refused.length + behind.length === 0) return []
    return {
      cause: `copy-behind.${target}`,
      rule: 'copy-behind',
      severity: refused.length > 0 ? 'critical' : 'warning',
      title: `Copies are missing on ${target}`,
      details: [
        ...(oldest ? [`${behind.length} sealed backups have no complete copy there`] : []),
        ...(oldest
          ? [
              `The oldest: ${oldest.backupId} of ${oldest.sourceId}, sealed ${formatDuration(ageMs(oldest, world.nowMs))} ago`,
            ]
          : []),
        ...refused.slice(0, 10).map((row) => `${target} refused ${row.backupId} of ${row.sourceId} for good`),
      ],
      hint: `Look at \`lifeboat target check ${target}\` and at the uploader’s log; copies are filled in by themselves once the target takes them.`,
    }
  })
}

function copyOf(row: BackupRow, target: string): string | undefined {
  return (row.copies as Record<string, string>)[target]
}

function ageMs(row: BackupRow, nowMs: number): number {
  return nowMs - Date.parse(row.sealedAt ?? '')
}
