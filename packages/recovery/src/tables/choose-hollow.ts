import type { ListedTable, Relations } from '@lifeboat/shared/domain/relations.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import type { Held, HollowFiles } from '../extract/hollow.ts'

/** What may be left hollow to read some tables of a database. */
export interface ChosenHollow {
  hollow: HollowFiles
  /** Oid of the database. */
  database: string
}

/** Without hints in the WAL one vacuum while a backup is taken makes what is hollow of it useless: in so short a time there is none as a rule. */
const SHORT_MS = 5 * 60_000

/** Files of all listed tables but those wanted and what is part of them; or why all files are needed. */
export function chooseHollow(
  { fullPages, hints, databases }: Relations,
  { database, wanted, takenMs }: { database: string; wanted: readonly TableRef[]; takenMs: number },
): ChosenHollow | { whole: string } {
  if (!fullPages) return { whole: 'full_page_writes was off, so its WAL does not bring back pages that are not there' }
  if (!hints && takenMs > SHORT_MS)
    return {
      whole:
        'it took more than five minutes, and without data checksums or wal_log_hints a vacuum meanwhile needs the pages it marked',
    }
  const ours = databases.find(({ name }) => name === database)
  if (!ours) return { whole: `database ${database} is not in its list of relations` }
  const found = wanted.map(({ schema, name }) =>
    ours.tables.find((table) => table.schema === schema && table.name === name),
  )
  const absent = wanted.find((_, no) => found[no] === undefined)
  if (absent) return { whole: `table ${absent.schema}.${absent.name} is not in its list of relations` }
  const needed = withParts(ours.tables, found as ListedTable[])
  const files = new Map<string, Held>()
  for (const { oid, tables } of databases) {
    for (const { heaps, indexes, ...table } of tables) {
      if (oid === ours.oid && needed.has(table.oid)) continue
      for (const file of heaps) files.set(keyOf(file, oid), 'heap')
      for (const file of indexes) files.set(keyOf(file, oid), 'index')
    }
  }
  return { hollow: { files, heads: !hints }, database: ours.oid }
}

/** Oids of tables, their partitions and what inherits from them. */
function withParts(tables: readonly ListedTable[], wanted: readonly ListedTable[]): Set<string> {
  const parts = new Map<string, string[]>()
  for (const { oid, parents } of tables)
    for (const parent of parents) parts.set(parent, [...(parts.get(parent) ?? []), oid])
  const needed = new Set(wanted.map(({ oid }) => oid))
  for (const oid of needed) for (const part of parts.get(oid) ?? []) needed.add(part)
  return needed
}

function keyOf(file: string, database: string): string {
  const [tablespace, number] = file.split('/')
  return `${tablespace}/${database}/${number}`
}
