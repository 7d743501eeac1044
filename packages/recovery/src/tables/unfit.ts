import type { ExportedColumn } from '@lifeboat/shared/domain/table-export.ts'
import type { LiveTable } from './live-table.ts'

/** Why the rows of a backup do not fit into the table there is now, each difference in a sentence; computed columns are nobody's. */
export function columnDifferences(backup: readonly ExportedColumn[], live: readonly ExportedColumn[]): string[] {
  const before = new Map(backup.map((column) => [column.name, column]))
  const now = new Map(live.map((column) => [column.name, column]))
  return [
    ...backup.flatMap(({ name, type }) => {
      const present = now.get(name)
      if (!present) return [`column ${name} (${type}) is in the backup and not in the table`]
      return present.type === type ? [] : [`column ${name} is ${present.type} now and was ${type}`]
    }),
    ...live.flatMap(({ name, type }) =>
      before.has(name) ? [] : [`column ${name} (${type}) is in the table and not in the backup`],
    ),
  ]
}

/** Rows that are missing can only be told from rows that are there by a key. */
export function mergeProblem({ key }: Pick<LiveTable, 'key'>): string | undefined {
  return key.length > 0 ? undefined : 'it has no primary key, by which rows could be merged'
}
