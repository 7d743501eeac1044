import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { SchedulerDeps } from '../deps.ts'
import { askForDrills } from '../drills.ts'

/** A target has a complete copy: is it to be drilled? The catalogue may not have heard of this copy yet, so it is added here. */
export function askForDrill(deps: SchedulerDeps): Handler<CopyStored> {
  return async ({ backupId, sourceId, policyId, kind, targetId, storedAt }) => {
    const record = await deps.catalog.get(backupId, sourceId)
    const known = Object.entries(record?.copies ?? {}).filter(([, copy]) => copy.storedAt !== undefined)
    const stored = [...new Set([targetId, ...known.map(([id]) => id as TargetId)])]
    const sealedMs = Date.parse(record?.sealedAt ?? storedAt)
    await askForDrills(deps, { backupId, sourceId, policyId, kind, stored, sealedMs })
  }
}
