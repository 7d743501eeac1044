import type pg from 'pg'
import { quoteIdent } from '../sql-text.ts'
import type { WantedTable } from './table-name.ts'

/** A table there is, and whether the role may read all of it. */
export interface FoundTable {
  oid: string
  schema: string
  name: string
  /** A parent of partitions is exported as one table with all their rows. */
  partitioned: boolean
  /** Lost when the server crashes, and not in its WAL; of a parent, that one of its partitions is. */
  unlogged: boolean
  mayEnter: boolean
  mayRead: boolean
  /** A policy of row security hides rows from this role. */
  hidden: boolean
  /** Sequences its columns own or default to that the role may not read. */
  closedSequences: string[]
}

/** Why a table of the policy cannot be exported, and the statement that repairs it where one does. */
export interface TableObstacle {
  title: string
  kind: 'missing' | 'not a table' | 'rights' | 'row security'
  message: string
  statements: string[]
}

/** Sequences that belong to a column, by ownership or by its default. */
export const SEQUENCES_OF_COLUMNS = `
  select d.refobjid as relation, d.refobjsubid as attnum, d.objid as sequence
    from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
   where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
  union
  select ad.adrelid, ad.adnum, d.refobjid
    from pg_attrdef ad join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = ad.oid and d.refclassid = 'pg_class'::regclass
    join pg_class s on s.oid = d.refobjid and s.relkind = 'S'`

const FIND = `
  select c.oid::text as oid, n.nspname as schema, c.relname as name, c.relkind as kind, c.relkind = 'p' as partitioned,
         c.relpersistence = 'u' or exists (select from pg_partition_tree(c.oid) t join pg_class p on p.oid = t.relid where p.relpersistence = 'u') as unlogged,
         has_schema_privilege(n.oid, 'USAGE') as "mayEnter",
         has_table_privilege(c.oid, 'SELECT') as "mayRead", c.relrowsecurity and row_security_active(c.oid) as hidden, c.relispartition as part,
         array(select format('%I.%I', sn.nspname, s.relname) from (${SEQUENCES_OF_COLUMNS}) used
                 join pg_class s on s.oid = used.sequence join pg_namespace sn on sn.oid = s.relnamespace
                where used.relation = c.oid and not has_sequence_privilege(s.oid, 'SELECT')) as "closedSequences"
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = $1 and ($2::text is null or c.relname = $2) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     and ($2::text is not null or (c.relkind in ('r', 'p') and not c.relispartition
          and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')))
   order by c.relname collate "C"`

const OTHER_KINDS: Record<string, string> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  S: 'a sequence',
}

/**
 * Looks each name up. A name twice is one table.
 *
 * @param role who needs the rights; it stands in the statements
 */
export async function findTables(
  client: pg.ClientBase,
  wanted: readonly WantedTable[],
  role: string,
): Promise<{ tables: FoundTable[]; obstacles: TableObstacle[] }> {
  const tables = new Map<string, FoundTable>()
  const obstacles: TableObstacle[] = []
  for (const one of wanted) {
    const { rows } = await client.query<FoundTable & { kind: string }>(FIND, [one.schema, one.name ?? null])
    if (rows.length === 0) obstacles.push(missing(one))
    for (const { kind, ...found } of rows) {
      const obstacle = OTHER_KINDS[kind] === undefined ? undefined : notATable(found, OTHER_KINDS[kind])
      if (obstacle) obstacles.push(obstacle)
      else tables.set(found.oid, found)
    }
  }
  return {
    tables: [...tables.values()],
    obstacles: [...obstacles, ...rightsObstacles([...tables.values()], quoteIdent(role))],
  }
}

export function titleOf({ schema, name }: { schema: string; name: string }): string {
  const shown = (part: string) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : quoteIdent(part))
  return `${shown(schema)}.${shown(name)}`
}

function missing({ schema, name }: WantedTable): TableObstacle {
  const title = name === undefined ? `${quoteIdent(schema)}.*` : titleOf({ schema, name })
  const message = name === undefined ? `no table is in schema ${quoteIdent(schema)}` : `there is no table ${title}`
  return { title, kind: 'missing', message, statements: [] }
}

function notATable(found: { schema: string; name: string }, what: string): TableObstacle {
  const title = titleOf(found)
  const message = `${title} is ${what}: export it as a query, SELECT * FROM ${title}`
  return { title, kind: 'not a table', message, statements: [] }
}

/** @param role quoted */
function rightsObstacles(tables: readonly FoundTable[], role: string): TableObstacle[] {
  return tables.flatMap((table): TableObstacle[] => {
    const title = titleOf(table)
    const relation = `${quoteIdent(table.schema)}.${quoteIdent(table.name)}`
    const statements = [
      ...(table.mayEnter ? [] : [`GRANT USAGE ON SCHEMA ${quoteIdent(table.schema)} TO ${role};`]),
      ...(table.mayRead ? [] : [`GRANT SELECT ON TABLE ${relation} TO ${role};`]),
      ...table.closedSequences.map((name) => `GRANT SELECT ON SEQUENCE ${name} TO ${role};`),
    ]
    if (statements.length > 0)
      return [{ title, kind: 'rights', message: `the role may not read all of ${title}`, statements }]
    if (!table.hidden) return []
    const message = `row security may hide rows of ${title} from the role`
    return [{ title, kind: 'row security', message, statements: [`ALTER ROLE ${role} BYPASSRLS;`] }]
  })
}
