import { createHash } from 'node:crypto'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { HoldPlaced } from '@lifeboat/shared/bus/messages/expiry.ts'
import { type BackupId, HoldId, type Moment } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { compactTime } from '@lifeboat/shared/time/clock.ts'
import type { SchedulerDeps } from '../deps.ts'
import { planKey } from '../plans.ts'

/**
 * Holds a backup of a set whose policy wants that, as soon as it is sealed. The hold's id follows from the backup, so that the same fact told twice places
 * one hold, and one that was released is not placed again.
 */
export function holdMember(deps: Pick<SchedulerDeps, 'bus' | 'holds' | 'plans' | 'log'>): Handler<BackupSealed> {
  return async (backup) => {
    const { backupId, sourceId, set } = backup
    const why = deps.plans.find((plan) => planKey(plan) === planKey(backup))?.set?.hold
    if (set === undefined || why === undefined) return
    const holdId = holdIdOf(backupId, backup.sealedAt)
    const hold: Hold = { holdId, sourceId, backupId, by: `policy ${set.setId}`, why, at: backup.sealedAt }
    const fresh = (await deps.holds.create(holdId, hold)) !== undefined
    // Of a crash between the two comes a second try: what is there already is told again.
    if (fresh || (await deps.holds.get(holdId))?.value.released === undefined) await deps.bus.publish(HoldPlaced, hold)
    if (fresh) deps.log.info({ event: 'hold.placed', holdId, backupId, point: set.point }, 'held a backup of a set')
  }
}

function holdIdOf(backupId: BackupId, sealedAt: Moment): HoldId {
  const tail = createHash('sha256').update(backupId).digest('hex').slice(0, 6)
  return HoldId.parse(`${compactTime(Date.parse(sealedAt))}-hold-${tail}`)
}
