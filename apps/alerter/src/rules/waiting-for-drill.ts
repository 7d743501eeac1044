import type { BackupRow } from '@lifeboat/catalog/catalog.ts'

export function hasVerdict(copyState: string | undefined): boolean {
  return copyState === 'proven' || copyState === 'disproven'
}

/** Backups some target holds, sealed at least so long ago, of which no copy has a verdict; newest first. */
export function waitingForDrill(rows: readonly BackupRow[], olderThanMs: number, nowMs: number): BackupRow[] {
  return rows.filter((row) => {
    if (row.sealedAt === undefined || nowMs - Date.parse(row.sealedAt) < olderThanMs) return false
    const states = Object.values(row.copies)
    return states.includes('stored') && !states.some(hasVerdict)
  })
}
