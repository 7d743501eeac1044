import { HOLDS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import { HoldPlaced } from '@lifeboat/shared/bus/messages/expiry.ts'
import { BackupId, moment, newHoldId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { operator } from '../operator.ts'

/**
 * Stops letting go of one backup, or of a whole source with its WAL. It counts from the moment it is written; the targets learn of it within moments.
 *
 * @throws LifeboatError BACKUP_UNKNOWN · SOURCE_UNKNOWN
 */
export const holdAdd: Command<{ name: string; why: string }> = ({ name, why }, context) =>
  withFleet(context, ['sources'], async ({ bus, config }) => {
    const backup = BackupId.safeParse(name)
    const about = backup.success
      ? await backupOf(await KvCatalog.open(bus), backup.data)
      : sourceOf(Object.keys(config.sources), name)
    const nowMs = context.clock.now()
    const hold: Hold = { holdId: newHoldId(nowMs), ...about, by: operator(), why, at: moment(nowMs) }
    await (await bus.bucket(HOLDS_BUCKET)).put(hold.holdId, hold)
    await bus.publish(HoldPlaced, hold)
    return { value: hold, text: () => `${hold.holdId}: nothing of ${name} is let go until it is released` }
  })

async function backupOf(catalog: KvCatalog, backupId: BackupId): Promise<Pick<Hold, 'sourceId' | 'backupId'>> {
  const record = await catalog.get(backupId)
  if (record === undefined) throw new LifeboatError('BACKUP_UNKNOWN', { backupId })
  return { sourceId: record.sourceId, backupId }
}

function sourceOf(known: readonly string[], name: string): Pick<Hold, 'sourceId'> {
  if (known.includes(name)) return { sourceId: name as SourceId }
  throw new LifeboatError('SOURCE_UNKNOWN', { name, suggestion: suggestName(name, [...known]) })
}
