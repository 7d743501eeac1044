import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { Extent, TableDiff, TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { table } from '../format/table.ts'

type PlannedTables = NonNullable<RestorePlan['tables']>

/** The lines only a plan for tables has. */
export function tablesLines({ into, tables, wal }: PlannedTables): [string, string][] {
  return [
    ...tables.map((each): [string, string] => ['table', tableText(each)]),
    ...(wal ? [['WAL', `without a hole to ${wal.end} on timeline ${wal.timeline}`] as [string, string]] : []),
    ['into', intoText(into)],
    ...(into.how === 'beside'
      ? []
      : [
          ['kept', 'the rows of each now stay in <table>_before_<when>, until `lifeboat restore release`'] as [
            string,
            string,
          ],
        ]),
  ]
}

function tableText({ table: name, rows, bytesNow }: PlannedTables['tables'][number]): string {
  const before = rows === undefined ? '' : `, ${rows} rows in the backup`
  return `${name}${before}, ${bytesNow === undefined ? 'none now' : `${formatBytes(bytesNow)} now`}`
}

function intoText(into: TablesInto): string {
  switch (into.how) {
    case 'merge':
      return 'the tables: rows that are missing or different come back by primary key, others stay'
    case 'replace':
      return 'the tables: they hold the rows of the backup and no others'
    case 'beside':
      return `a new schema ${into.schema}; nothing that is there is touched`
  }
}

/** How backup and server differed. */
export function diffText(diffs: readonly TableDiff[]): string {
  const heads = ['TABLE', 'ROWS', 'NOW', 'ONLY IN BACKUP', 'ONLY NOW', 'DIFFERENT']
  const rows = diffs.map(({ table: name, rows, now }) => {
    const { onlyInBackup, onlyNow, different } = now ?? {}
    return [name, rows, now?.rows, onlyInBackup, onlyNow, different].map((cell) => String(cell ?? '–'))
  })
  return table(heads, rows)
}

/** How much of a physical backup had to be extracted for the tables. */
export function extentText({ bytes, ofBytes, whole }: Extent): string {
  if (whole !== undefined) return `All of the backup was extracted, ${formatBytes(ofBytes)}: ${whole}.`
  return `Of the backup ${formatBytes(bytes)} were extracted, the rest of ${formatBytes(ofBytes)} was not needed.`
}
