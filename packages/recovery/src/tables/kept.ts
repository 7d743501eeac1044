import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { type Aside, asideOf } from '../swap/aside-names.ts'

export interface Kept {
  table: TableRef
  /** The newest first. */
  asides: Aside[]
}

/** Says of kept rows whose they are: a name alone may be anybody's. */
export function keptComment(title: string): string {
  return `Rows of ${title} before a restore; lifeboat restore release lets them go.`
}

/** What restores have kept of these tables. */
export async function keptOf(client: SourceClient, tables: readonly TableRef[]): Promise<Kept[]> {
  const kept: Kept[] = []
  for (const table of tables) {
    const { rows } = await client.query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relkind = 'r' and obj_description(c.oid, 'pg_class') = $2`,
      [table.schema, keptComment(titleOf(table))],
    )
    const names = rows.map(({ name }) => name)
    kept.push({ table, asides: asideOf(table.name, names) })
  }
  return kept
}

/** When they are put aside by their names, which know seconds alone: now, or in the next second in which none of them was. */
export function asideTime(kept: readonly Kept[], nowMs: number): number {
  const taken = new Set(kept.flatMap(({ asides }) => asides.map(({ atMs }) => atMs)))
  let ms = nowMs
  while (taken.has(ms - (ms % 1000))) ms += 1000
  return ms
}

/** Those which are kept are named by this, in the order in which they are asked for. */
export function titlesOf(kept: readonly TableRef[]): string {
  return kept.map(titleOf).join(', ')
}

/** @param titles see `titlesOf`; a name may hold whatever stands between them */
export function areKept(kept: readonly Kept[], titles: string): boolean {
  let rest = titles
  const all = kept.every(({ table, asides }) => {
    const title = asides.map(({ name }) => titleOf({ ...table, name })).find((each) => rest.startsWith(each))
    rest = rest.slice((title?.length ?? 0) + ', '.length)
    return title !== undefined
  })
  return all && rest === ''
}
