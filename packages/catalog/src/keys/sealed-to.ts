import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { SealedTo } from '../catalog.ts'

/** States of a copy whose bytes somebody may want to read. What a drill disproved may still be the only copy. */
const KEPT = new Set(['stored', 'proven', 'disproven'])

/** Whether some target holds it for somebody to read. */
export function isKept({ sealedAt, copies }: Pick<BackupRecord, 'sealedAt' | 'copies'>): boolean {
  return sealedAt !== undefined && Object.values(copies).some(({ state }) => KEPT.has(state))
}

/**
 * Takes one record into the list of key sets of its source: of each set the newest kept backup.
 *
 * `lost` as for `summarize`: which backup takes the place of one that is kept no more, or whose keys turned out to be others, only all records can say.
 */
export function sealedToWith(before: readonly SealedTo[], record: BackupRecord): { value: SealedTo[]; lost: boolean } {
  const { backupId, startedAt, snapshotAt: at = startedAt } = record
  const recipients = record.recipients?.toSorted()
  const offered = isKept(record) ? { ...(recipients && { recipients }), backupId, at } : undefined
  const left = before.filter((one) => one.backupId === backupId && (!offered || !sameSet(one, offered)))
  const others = before.filter((one) => !left.includes(one))
  const known = offered && others.find((one) => sameSet(one, offered))
  const value =
    offered && !(known && isNewer(known, offered)) ? [...others.filter((one) => one !== known), offered] : others
  return {
    value: value.toSorted((a, b) => (setName(a) < setName(b) ? -1 : 1)),
    lost: left.length > 0 || (known !== undefined && known.backupId === backupId && known.at > at),
  }
}

function sameSet(one: SealedTo, other: SealedTo): boolean {
  return setName(one) === setName(other)
}

function setName({ recipients = [] }: SealedTo): string {
  return recipients.join(' ')
}

function isNewer(known: SealedTo, offered: SealedTo): boolean {
  if (known.backupId === offered.backupId) return false
  return known.at === offered.at ? known.backupId > offered.backupId : known.at > offered.at
}
