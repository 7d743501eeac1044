import type { NeededObject } from '@lifeboat/shared/domain/table-export.ts'
import type pg from 'pg'
import { quoteIdent, quoteLiteral } from '../sql-text.ts'
import { titleOf } from './find-tables.ts'

interface TypeRow {
  oid: string
  schema: string
  name: string
  kind: 'b' | 'c' | 'd' | 'e' | 'm' | 'r' | 'p'
  /** Of an array its elements, of a domain what it is over, of a range its values, of a composite its fields. */
  parts: string[]
  extension: { name: string; schema: string } | null
  labels: string[]
  fields: { name: string; type: string }[]
  over: string | null
  notNull: boolean
  checks: string[]
  array: boolean
  rangeOf: string | null
  /** The row of a table, not a type of its own. */
  isRow: boolean
}

/** The user's types among these, and what they are made of; PostgreSQL's own stay out. */
const TYPES = `
  with recursive need as (
    select oid from pg_type where oid = any ($1::oid[])
    union
    select part.oid from need join pg_type t on t.oid = need.oid
      cross join lateral (
        select t.typelem as oid where t.typelem <> 0 and t.typcategory = 'A'
        union select t.typbasetype where t.typtype = 'd'
        union select r.rngsubtype from pg_range r where r.rngtypid = t.oid
        union select r.rngtypid from pg_range r where r.rngmultitypid = t.oid
        union select a.atttypid from pg_attribute a where a.attrelid = t.typrelid and t.typtype = 'c' and a.attnum > 0 and not a.attisdropped
      ) part
  )
  select t.oid::text as oid, n.nspname as schema, t.typname as name, t.typtype as kind, t.typcategory = 'A' and t.typelem <> 0 as array,
         array_remove(array[case when t.typcategory = 'A' then nullif(t.typelem, 0)::text end, nullif(t.typbasetype, 0)::text,
                            (select r.rngsubtype::text from pg_range r where r.rngtypid = t.oid), (select r.rngtypid::text from pg_range r where r.rngmultitypid = t.oid)]
           || array(select a.atttypid::text from pg_attribute a where a.attrelid = t.typrelid and t.typtype = 'c' and a.attnum > 0 and not a.attisdropped), null) as parts,
         (select json_build_object('name', e.extname, 'schema', en.nspname) from pg_depend d join pg_extension e on e.oid = d.refobjid
            join pg_namespace en on en.oid = e.extnamespace
           where d.classid = 'pg_type'::regclass and d.objid = coalesce(nullif(case when t.typcategory = 'A' then t.typelem end, 0), t.oid) and d.deptype = 'e'
             and d.refclassid = 'pg_extension'::regclass) as extension,
         array(select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder) as labels,
         coalesce((select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum)
                     from pg_attribute a where a.attrelid = t.typrelid and t.typtype = 'c' and a.attnum > 0 and not a.attisdropped), '[]') as fields,
         case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as over, t.typnotnull as "notNull",
         array(select format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) from pg_constraint where contypid = t.oid and contype = 'c' order by conname) as checks,
         (select format_type(r.rngsubtype, null) from pg_range r where r.rngtypid = t.oid) as "rangeOf",
         exists (select from pg_class c where c.oid = t.typrelid and c.relkind <> 'c') as "isRow"
    from need join pg_type t on t.oid = need.oid join pg_namespace n on n.oid = t.typnamespace
   where n.nspname not in ('pg_catalog', 'information_schema')`

/**
 * What has to be made before tables with columns of these types can be: extensions, enums, domains, composites, ranges.
 *
 * Sets no rule of the user's own into them that needs a function of the user's: a check of a domain that calls one fails when it is made, and whoever
 * loads the files hears of it.
 *
 * @param client with pinned settings
 */
export async function neededObjects(client: pg.ClientBase, typeOids: readonly string[]): Promise<NeededObject[]> {
  const { rows } = await client.query<TypeRow>(TYPES, [[...new Set(typeOids)]])
  const byOid = new Map(rows.map((row) => [row.oid, row]))
  const ordered: NeededObject[] = []
  const done = new Set<string>()
  const add = (what: string, sql: string) => {
    if (!ordered.some((known) => known.what === what)) ordered.push({ what, sql })
  }
  const visit = (row: TypeRow) => {
    if (done.has(row.oid)) return
    done.add(row.oid)
    for (const part of row.parts) {
      const inner = byOid.get(part)
      if (inner) visit(inner)
    }
    if (row.extension) return addExtension(add, row.extension)
    const sql = typeSql(row)
    if (sql === undefined) return
    add(`schema ${row.schema}`, `CREATE SCHEMA IF NOT EXISTS ${quoteIdent(row.schema)}`)
    add(`${row.isRow ? 'table' : 'type'} ${titleOf(row)}`, sql)
  }
  for (const row of rows.toSorted((a, b) => Number(a.oid) - Number(b.oid))) visit(row)
  return ordered
}

function addExtension(
  add: (what: string, sql: string) => void,
  { name, schema }: { name: string; schema: string },
): void {
  if (schema !== 'pg_catalog') add(`schema ${schema}`, `CREATE SCHEMA IF NOT EXISTS ${quoteIdent(schema)}`)
  add(`extension ${name}`, `CREATE EXTENSION IF NOT EXISTS ${quoteIdent(name)} SCHEMA ${quoteIdent(schema)} CASCADE`)
}

/** undefined for what comes with another type: arrays and multiranges, and base types that only an extension can bring. */
function typeSql(row: TypeRow): string | undefined {
  const name = `${quoteIdent(row.schema)}.${quoteIdent(row.name)}`
  if (row.array || row.kind === 'm' || row.kind === 'b' || row.kind === 'p') return undefined
  if (row.kind === 'e') return `CREATE TYPE ${name} AS ENUM (${row.labels.map(quoteLiteral).join(', ')})`
  if (row.kind === 'r') return `CREATE TYPE ${name} AS RANGE (subtype = ${row.rangeOf})`
  if (row.kind === 'c')
    return `CREATE ${row.isRow ? `TABLE ${name}` : `TYPE ${name} AS`} (${row.fields.map((field) => `${quoteIdent(field.name)} ${field.type}`).join(', ')})`
  return [`CREATE DOMAIN ${name} AS ${row.over}`, ...(row.notNull ? ['NOT NULL'] : []), ...row.checks].join(' ')
}
