import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { Rule } from '../world.ts'

const SHOWN_FILES = 10

/** The server found damaged pages while it read its files for a base: the disk lies, and newer backups carry the damage. */
export const checksumFailures: Rule = (world) =>
  [...world.physical].flatMap(([sourceId, rows]) => {
    const bad = rows.find(isDamaged)
    // Only a full base reads everything: an incremental without failures says nothing of the rest.
    if (bad === undefined || rows.some((row) => row.physical?.chain === 0 && row.backupId > bad.backupId)) return []
    const files = world.damaged.get(bad.backupId) ?? []
    const more = files.length > SHOWN_FILES ? [`… and ${files.length - SHOWN_FILES} more`] : []
    const sound = rows.find((row) => row.backupId < bad.backupId && row.physical?.chain === 0 && !isDamaged(row))
    return {
      cause: `checksum-failures.${sourceId}`,
      rule: 'checksum-failures',
      severity: 'critical',
      title: `Data pages of ${sourceId} are damaged`,
      details: [
        `While ${bad.backupId} was taken the server found ${count(bad)} with wrong checksums`,
        ...files.slice(0, SHOWN_FILES),
        ...more,
        sound === undefined
          ? 'No older full base without damage is known'
          : `The newest full base without damage: ${sound.backupId}`,
      ],
      hint: 'Look at the disk (`dmesg`, SMART) and at the server log, keep older backups, and find the tables of these files with pg_filenode_relation(). Recovery from an older base replays whole pages and may mend them.',
    }
  })

function isDamaged({ physical }: BackupRow): boolean {
  return (physical?.checksumFailures ?? 0) > 0
}

function count({ physical }: BackupRow): string {
  const files = physical?.checksumFailures ?? 0
  return files === 1 ? '1 file' : `${files} files`
}
