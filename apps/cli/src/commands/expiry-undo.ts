import { HOLDS_BUCKET, MARKS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import { wishBack } from '@lifeboat/catalog/expiry/wishes.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { HoldPlaced } from '@lifeboat/shared/bus/messages/expiry.ts'
import { BackupId, moment, newHoldId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { operator } from '../operator.ts'

/**
 * Brings a backup back at every target that still has its bytes, and holds it: without the hold the next plan would let it go again.
 *
 * @throws LifeboatError BACKUP_UNKNOWN · EXPIRY_TOO_LATE – no copy of it is merely hidden
 */
export const expiryUndo: Command<{ backup: string }> = ({ backup }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const parsed = BackupId.safeParse(backup)
    const catalog = await KvCatalog.open(bus)
    const record = parsed.success ? await catalog.get(parsed.data) : undefined
    if (record === undefined) throw new LifeboatError('BACKUP_UNKNOWN', { backupId: backup })
    const { backupId, sourceId } = record
    const marks = await bus.bucket(MARKS_BUCKET)
    const hidden: TargetId[] = []
    for await (const { value } of marks.entries(`${sourceId}.${backupId}.*`))
      if (value.state === 'marked') hidden.push(value.targetId)
    if (hidden.length === 0) throw new LifeboatError('EXPIRY_TOO_LATE', { backupId })
    const nowMs = context.clock.now()
    const hold: Hold = {
      ...{ holdId: newHoldId(nowMs), sourceId, backupId },
      ...{ by: operator(), why: 'brought back by expiry undo', at: moment(nowMs) },
    }
    await (await bus.bucket(HOLDS_BUCKET)).put(hold.holdId, hold)
    await bus.publish(HoldPlaced, hold)
    const copies = hidden.map((targetId) => ({ sourceId, backupId, targetId, reasons: ['undone'] }))
    await wishBack({ bus, catalog }, copies, operator(), nowMs)
    return {
      value: { backupId, targets: hidden, hold: hold.holdId },
      text: () => `${backupId} comes back at ${hidden.join(', ')} and is held (${hold.holdId}) until you release it`,
    }
  })
