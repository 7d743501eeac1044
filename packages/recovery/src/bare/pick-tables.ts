import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { PlannedTables } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Seen, Sight } from './look.ts'
import { isProven, ofOneSource, passedOver, unprovenError } from './pick.ts'

export interface TablesAsked {
  sourceId: SourceId
  backupId?: BackupId | undefined
  /** As manifests write them. */
  titles: readonly string[]
  unproven: boolean
}

export interface PickedTables {
  from: PlannedTables['from']
  seen: Seen
  notes: string[]
}

/**
 * Chooses the backup that tables come out of: the newest proven one that holds all of them. Of a dump only its key tells what it holds, so that is taken to.
 *
 * @throws LifeboatError RECOVERY_NOTHING_THERE | BACKUP_UNKNOWN | RECOVERY_UNPROVEN | RESTORE_TABLE_ABSENT
 */
export function pickTables(sight: Sight, { sourceId, backupId, titles, unproven }: TablesAsked): PickedTables {
  const all = ofOneSource(sight, { sourceId })
  const named = all.filter(({ manifest }) => backupId === undefined || manifest.backupId === backupId)
  if (named.length === 0) throw new LifeboatError('BACKUP_UNKNOWN', { backupId })
  const holding = named.filter((seen) => holdsAll(seen, titles)).toReversed()
  if (holding.length === 0)
    throw new LifeboatError('RESTORE_TABLE_ABSENT', {
      tables: titles,
      ...holdings(named.at(-1)),
      backups: named.length,
    })
  const seen = holding.find((each) => unproven || isProven(each))
  if (!seen) throw unprovenError(holding)
  return {
    from: seen.manifest.exports ? 'export' : 'dump',
    seen,
    notes: passedOver(holding.slice(0, holding.indexOf(seen)), seen),
  }
}

function holdsAll({ manifest }: Seen, titles: readonly string[]): boolean {
  if (manifest.kind === 'dump') return true
  const held = manifest.exports?.tables.map(({ title }) => title) ?? []
  return titles.every((title) => held.includes(title))
}

function holdings(seen: Seen | undefined): { holds?: string[] } {
  return seen?.manifest.exports ? { holds: seen.manifest.exports.tables.map(({ title }) => title) } : {}
}
