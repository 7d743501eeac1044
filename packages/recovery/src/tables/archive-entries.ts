import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'

/** A line of `pg_restore --list --verbose`, and those below it. */
export interface ArchiveEntry {
  /** As `--use-list` takes it. */
  line: string
  id: number
  /** Kind, schema, name and owner, with a space between them and whatever they hold. */
  what: string
  /** Ids of entries it cannot be made without. */
  needs: number[]
}

/** @see https://www.postgresql.org/docs/current/app-pgrestore.html – the list; what depends on what it says with --verbose */
export function readEntries(list: string): ArchiveEntry[] {
  const entries: ArchiveEntry[] = []
  for (const line of list.split('\n')) {
    const [, id, what] = /^(\d+); \d+ \d+ (.*)$/.exec(line) ?? []
    if (id !== undefined && what !== undefined) entries.push({ line, id: Number(id), what, needs: [] })
    const [, ids] = /^;\s*depends on:((?: \d+)+)$/.exec(line) ?? []
    if (ids !== undefined) entries.at(-1)?.needs.push(...ids.trim().split(' ').map(Number))
  }
  return entries
}

/** What belongs to a table and is made behind it: partitions, and the sequences of its columns. */
const COMPLETING = /^(TABLE ATTACH|DEFAULT|SEQUENCE|SEQUENCE OWNED BY) (?!SET )/

/** The tables themselves with all they are known to need. What a function needs that is written as text nobody knows. */
export function definitionsOf(entries: readonly ArchiveEntry[], tables: readonly TableRef[]): ArchiveEntry[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  const chosen = new Set<ArchiveEntry>()
  const add = (entry: ArchiveEntry | undefined) => {
    if (!entry || chosen.has(entry)) return
    chosen.add(entry)
    for (const id of entry.needs) add(byId.get(id))
  }
  const isCompleted = (id: number) => {
    const entry = byId.get(id)
    return entry !== undefined && chosen.has(entry) && /^(TABLE|SEQUENCE) /.test(entry.what)
  }
  for (const entry of entries) if (isOf(entry, 'TABLE', tables)) add(entry)
  const completing = entries.filter(({ what }) => COMPLETING.test(what))
  for (let before = -1; before < chosen.size; ) {
    before = chosen.size
    for (const entry of completing) if (entry.needs.some(isCompleted)) add(entry)
  }
  return entries.filter((entry) => chosen.has(entry))
}

/** Rows of tables and states of sequences. */
export function contentsOf(entries: readonly ArchiveEntry[], of: readonly TableRef[]): ArchiveEntry[] {
  return entries.filter((entry) => isOf(entry, 'TABLE DATA', of) || isOf(entry, 'SEQUENCE SET', of))
}

/** Names may hold spaces, so that now and then another one is taken for it: one too many is looked at by nobody. */
function isOf({ what }: ArchiveEntry, kind: string, refs: readonly TableRef[]): boolean {
  // The list has one line for each entry, whatever is in a name.
  const shown = (name: string) => name.replaceAll(/[\n\r]/g, ' ')
  return refs.some(({ schema, name }) => what.startsWith(`${kind} ${shown(schema)} ${shown(name)} `))
}
