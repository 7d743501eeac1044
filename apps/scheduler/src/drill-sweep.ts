import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { BackupKind, PolicyId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from './deps.ts'
import { askForDrills, type Drillable, drillNotesOf } from './drills.ts'
import { type Plan, planKey } from './plans.ts'

/** Copies in these states are complete. */
const COMPLETE = new Set(['stored', 'proven', 'disproven'])
/** In this hour of the UTC day no backup is skipped. */
const THOROUGH_HOUR = 0

/**
 * Looks over all recent backups for drills that time alone makes due: a target whose turn it was stayed away, an inconclusive
 * drill is to be repeated, a wish was lost. The rest is asked for as copies are stored. The notes of a plan are read once, and
 * only if one of its backups may be owed a drill.
 */
export async function sweepDrills(deps: SchedulerDeps): Promise<void> {
  const plans = new Map(deps.plans.map((plan) => [planKey(plan), plan]))
  const thorough = new Date(deps.clock.now()).getUTCHours() === THOROUGH_HOUR
  for (const { recent } of await deps.catalog.summaries())
    for (const [key, rows] of Map.groupBy(recent.toReversed(), planKey)) {
      const plan = plans.get(key)
      const owed = plan
        ? rows.filter((row) => !settled(row, plan, thorough)).flatMap((row) => drillable(row) ?? [])
        : []
      const [any] = owed
      if (any === undefined) continue
      const notes = await drillNotesOf(deps, any)
      for (const backup of owed) await askForDrills(deps, backup, notes)
    }
}

function drillable(row: BackupRow): Drillable | undefined {
  if (row.sealedAt === undefined) return undefined
  const stored = Object.entries(row.copies).filter(([, state]) => COMPLETE.has(state))
  return {
    backupId: row.backupId,
    sourceId: row.sourceId,
    policyId: row.policyId as PolicyId,
    kind: row.kind as BackupKind,
    stored: stored.map(([targetId]) => targetId as TargetId),
    sealedMs: Date.parse(row.sealedAt),
  }
}

/**
 * Every copy has its verdict, or none is there to be drilled. By turns one verdict is enough; what may still be open beside it, a repetition
 * for a copy that came late, can wait for the thorough look.
 */
function settled({ copies }: BackupRow, { drillTargets }: Plan, thorough: boolean): boolean {
  const states = Object.values(copies)
  return !states.includes('stored') || (drillTargets === 'rotate' && !thorough && states.some(isVerdict))
}

function isVerdict(state: string): boolean {
  return state === 'proven' || state === 'disproven'
}
