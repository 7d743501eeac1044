import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { BackupKind, PolicyId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from './deps.ts'
import { askForDrills, type Drillable } from './drills.ts'

/** Copies in these states are complete. */
const COMPLETE = new Set(['stored', 'proven', 'disproven'])

/**
 * Looks over all recent backups for drills that time alone makes due: a target whose turn it was stayed away, an inconclusive
 * drill is to be repeated. The rest is asked for as copies are stored.
 */
export async function sweepDrills(deps: SchedulerDeps): Promise<void> {
  for (const { recent } of await deps.catalog.summaries())
    for (const row of recent.toReversed()) {
      const backup = drillable(row)
      if (backup && !settled(row)) await askForDrills(deps, backup)
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

/** Every copy has its verdict, or none is there to be drilled. */
function settled(row: BackupRow): boolean {
  return !Object.values(row.copies).includes('stored')
}
