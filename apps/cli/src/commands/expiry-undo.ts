import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import { HOLDS_BUCKET, MARKS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import { wishBack } from '@lifeboat/catalog/expiry/wishes.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { Bucket } from '@lifeboat/shared/bus/bus.ts'
import { HoldPlaced } from '@lifeboat/shared/bus/messages/expiry.ts'
import { type BackupRecord, type CopyState, needsOf } from '@lifeboat/shared/domain/backup.ts'
import { BackupId, moment, newHoldId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold, Mark } from '@lifeboat/shared/domain/retention.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { operator } from '../operator.ts'

/**
 * Brings a backup back at every target that still has its bytes, with the backups it needs, and holds it: without the hold the next plan would let it go again.
 *
 * @throws LifeboatError BACKUP_UNKNOWN · EXPIRY_TOO_LATE – no copy of it is merely hidden, or of one it needs all are gone
 */
export const expiryUndo: Command<{ backup: string }> = ({ backup }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const parsed = BackupId.safeParse(backup)
    const catalog = await KvCatalog.open(bus)
    const record = parsed.success ? await catalog.get(parsed.data) : undefined
    if (record === undefined) throw new LifeboatError('BACKUP_UNKNOWN', { backupId: backup })
    const { backupId, sourceId } = record
    const marks = await bus.bucket(MARKS_BUCKET)
    const hidden = await hiddenCopies(marks, record)
    if (hidden.length === 0) throw new LifeboatError('EXPIRY_TOO_LATE', { backupId })
    const parents = await parentsOf(catalog, record)
    const gone = parents.find(({ copies }) => Object.values(copies).every(({ state }) => GONE.includes(state)))
    if (gone) throw new LifeboatError('EXPIRY_TOO_LATE', { backupId, needed: gone.backupId })
    const hiddenParents = (await Promise.all(parents.map((parent) => hiddenCopies(marks, parent)))).flat()
    const nowMs = context.clock.now()
    const hold: Hold = {
      ...{ holdId: newHoldId(nowMs), sourceId, backupId },
      ...{ by: operator(), why: 'brought back by expiry undo', at: moment(nowMs) },
    }
    await (await bus.bucket(HOLDS_BUCKET)).put(hold.holdId, hold)
    await bus.publish(HoldPlaced, hold)
    // The parents first: what is back can be restored.
    const copies = [...hiddenParents.toReversed(), ...hidden].map((copy) => ({ ...copy, reasons: ['undone'] }))
    await wishBack({ bus, catalog }, copies, operator(), nowMs)
    const targets = hidden.map(({ targetId }) => targetId)
    const needed = [...new Set(hiddenParents.map((copy) => copy.backupId))]
    const withParents = needed.length === 0 ? '' : `, with ${needed.join(', ')}, which it needs,`
    return {
      value: { backupId, targets, needed, hold: hold.holdId },
      text: () =>
        `${backupId} comes back at ${targets.join(', ')}${withParents} and is held (${hold.holdId}) until you release it`,
    }
  })

type HiddenCopy = Pick<Mark, 'sourceId' | 'backupId' | 'targetId'>

/** Nothing of such a copy can be read, at least not now. */
const GONE: readonly CopyState[] = ['expected', 'refused', 'missing', 'expired']

async function hiddenCopies(
  marks: Pick<Bucket<Mark>, 'entries'>,
  { sourceId, backupId }: BackupRecord,
): Promise<HiddenCopy[]> {
  const hidden: HiddenCopy[] = []
  for await (const { value } of marks.entries(`${sourceId}.${backupId}.*`))
    if (value.state === 'marked') hidden.push({ sourceId, backupId, targetId: value.targetId })
  return hidden
}

/** The nearest first. One nobody knows is none that could be brought back. */
async function parentsOf(catalog: Pick<Catalog, 'get'>, record: BackupRecord): Promise<BackupRecord[]> {
  const parents: BackupRecord[] = []
  const waiting = needsOf(record)
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const parent = await catalog.get(id, record.sourceId)
    if (parent === undefined) throw new LifeboatError('EXPIRY_TOO_LATE', { backupId: record.backupId, needed: id })
    parents.push(parent)
    waiting.push(...needsOf(parent))
  }
  return parents
}
