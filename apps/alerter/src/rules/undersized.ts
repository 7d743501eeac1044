import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { causeOf, planKey, type Rule, type WatchedPlan, type World } from '../world.ts'
import { isPartial } from './is-partial.ts'
import { median } from './median.ts'

/** The newest backup is suspiciously small: below the policy's floor, far below the ones before it, or without tables or rows. */
export const undersized: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const sealed = (world.backups.get(planKey(plan)) ?? []).filter((row) => row.sealedAt !== undefined)
    const [newest] = sealed
    const cause = causeOf('undersized', plan)
    if (newest === undefined) return { cause, unknown: true }
    // An incremental is as small as what changed.
    if (isPartial(newest)) return []
    const alike = sealed.slice(1).filter((row) => row.kind === newest.kind && !isPartial(row))
    const complaints = complaintsAbout(newest, alike, plan, world)
    if (complaints.length === 0) return []
    return {
      cause,
      rule: 'undersized',
      severity: 'critical',
      title: `The backup of ${plan.sourceId} is too small (policy ${plan.policyId})`,
      details: [`${newest.backupId}, sealed at ${newest.sealedAt}`, ...complaints],
      hint: 'Look whether data went missing at the source before older backups expire. If it is meant to be small, lower `size` of the policy.',
    }
  })

/** A table may be empty by nature; a database without a row is not. */
function hasAlwaysBeenEmpty({ kind }: BackupRow, before: readonly BackupRow[]): boolean {
  return kind === 'tables' && before.every((row) => row.rows === 0)
}

function complaintsAbout(newest: BackupRow, before: readonly BackupRow[], plan: WatchedPlan, world: World): string[] {
  const { min, medianRatio, medianOf } = plan.size
  const { bytes, rows } = newest
  const complaints: string[] = []
  if (bytes === undefined) complaints.push('Its size is unknown')
  if (bytes !== undefined && bytes < min)
    complaints.push(`It has ${formatBytes(bytes)}; the policy wants ${formatBytes(min)} at least`)
  const sizes = before.slice(0, medianOf).flatMap((row) => row.bytes ?? [])
  const usual = median(sizes)
  if (bytes !== undefined && usual !== undefined && bytes < usual * medianRatio)
    complaints.push(
      `It has ${formatBytes(bytes)}; the median of the ${sizes.length} before it is ${formatBytes(usual)}`,
    )
  if (world.tables.get(newest.backupId) === 0) complaints.push('It has no table')
  else if (rows === 0 && !hasAlwaysBeenEmpty(newest, before)) complaints.push('It has no row')
  return complaints
}
