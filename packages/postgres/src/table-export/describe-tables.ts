import type { ExportedColumn, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import type pg from 'pg'
import { quoteIdent } from '../sql-text.ts'
import { QUERY_PATH } from './copy.ts'
import { type FoundTable, SEQUENCES_OF_COLUMNS } from './find-tables.ts'

/** A relation or query with everything about it but its rows. */
export interface Described {
  columns: ExportedColumn[]
  generated: { name: string; type: string; expression: string }[]
  constraints: string[]
  /** Bytes on the disk of the server; 0 for a query. */
  bytes: number
  /** Types of its columns, by oid; see needed-objects.ts. */
  typeOids: string[]
}

const BASES = `
  with recursive base as (
    select oid, oid as base, typtype, typbasetype from pg_type
    union all
    select base.oid, t.oid, t.typtype, t.typbasetype from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
  )`

const COLUMNS = `${BASES}
  select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.atttypid::text as "typeOid", not a.attnotnull as nullable,
         case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname end as builtin, a.attgenerated as generated,
         nullif(a.attidentity, '') as identity, pg_get_expr(ad.adbin, ad.adrelid) as expression,
         case when a.attcollation <> own.typcollation then (
           select format('%I.%I', cn.nspname, co.collname) from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace where co.oid = a.attcollation
         ) end as collation
    from pg_attribute a
    join pg_type own on own.oid = a.atttypid
    join base on base.oid = a.atttypid and base.typtype <> 'd'
    join pg_type t on t.oid = base.base
    left join pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum
   where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
   order by a.attnum`

const CONSTRAINTS = `
  select format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) as sql
    from pg_constraint where conrelid = $1::oid and contype in ('p', 'u', 'c') order by contype desc, conname collate "C"`

interface Row {
  name: string
  type: string
  typeOid: string
  nullable: boolean
  builtin: string | null
  generated: string
  identity: string | null
  expression: string | null
  collation: string | null
}

/** @param client with pinned settings, so that names come with their schema */
export async function describeTable(client: pg.ClientBase, table: FoundTable): Promise<Described> {
  const { rows } = await client.query<Row>(COLUMNS, [table.oid])
  const constraints = await client.query<{ sql: string }>(CONSTRAINTS, [table.oid])
  const size = await client.query<{ bytes: string }>(
    'select coalesce(sum(pg_table_size(relid)), 0)::text as bytes from (select $1::oid as relid union select relid from pg_partition_tree($1::oid)) t',
    [table.oid],
  )
  return {
    columns: rows.filter(({ generated }) => generated === '').map(columnOf),
    generated: rows
      .filter(({ generated }) => generated !== '')
      .map(({ name, type, expression }) => ({ name, type, expression: expression ?? '' })),
    constraints: constraints.rows.map(({ sql }) => sql),
    bytes: Number(size.rows[0]?.bytes ?? 0),
    typeOids: rows.map(({ typeOid }) => typeOid),
  }
}

const QUERY_TYPE = `${BASES}
  select format_type($1::oid, $2::int) as type, case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname end as builtin
    from base join pg_type t on t.oid = base.base where base.oid = $1::oid and base.typtype <> 'd'`

/**
 * The columns a query gives; it is not run.
 *
 * @throws what the server says to the query
 */
export async function describeQuery(client: pg.ClientBase, query: string): Promise<Described> {
  await client.query(`set local search_path = ${QUERY_PATH}`)
  const { fields } = await client.query(`select * from (${query}\n) as query limit 0`)
  await client.query('set local search_path = pg_catalog')
  const columns: ExportedColumn[] = []
  for (const { name, dataTypeID, dataTypeModifier } of fields) {
    const { rows } = await client.query<{ type: string; builtin: string | null }>(QUERY_TYPE, [
      dataTypeID,
      dataTypeModifier,
    ])
    const { type = 'text', builtin } = rows[0] ?? {}
    columns.push({ name, type, nullable: true, ...(builtin ? { builtin } : {}) })
  }
  return {
    columns,
    generated: [],
    constraints: [],
    bytes: 0,
    typeOids: fields.map(({ dataTypeID }) => String(dataTypeID)),
  }
}

const SEQUENCES = `
  select distinct on (n.nspname, s.relname) n.nspname as schema, s.relname as name, used.relation::text as relation, a.attname as column
    from (${SEQUENCES_OF_COLUMNS}) used
    join pg_class s on s.oid = used.sequence join pg_namespace n on n.oid = s.relnamespace
    join pg_attribute a on a.attrelid = used.relation and a.attnum = used.attnum
   where used.relation = any ($1::oid[]) order by n.nspname, s.relname, used.relation`

/** Sequences of these tables as they are now; they belong to no snapshot. */
export async function measureSequencesOf(
  client: pg.ClientBase,
  tables: readonly { oid: string; title: string }[],
): Promise<TableExport['sequences']> {
  const titles = new Map(tables.map(({ oid, title }) => [oid, title]))
  const found = await client.query<{ schema: string; name: string; relation: string; column: string }>(SEQUENCES, [
    tables.map(({ oid }) => oid),
  ])
  const sequences: TableExport['sequences'] = []
  for (const { schema, name, relation, column } of found.rows) {
    const { rows } = await client.query<{ lastValue: string; isCalled: boolean }>(
      `select last_value::text as "lastValue", is_called as "isCalled" from ${quoteIdent(schema)}.${quoteIdent(name)}`,
    )
    if (rows[0]) sequences.push({ schema, name, usedBy: { table: titles.get(relation) ?? '', column }, ...rows[0] })
  }
  return sequences
}

function columnOf({ name, type, nullable, builtin, identity, expression, collation }: Row): ExportedColumn {
  return {
    ...{ name, type, nullable },
    ...(builtin === null ? {} : { builtin }),
    ...(collation === null ? {} : { collation }),
    ...(expression === null ? {} : { default: expression }),
    ...(identity === null ? {} : { identity: identity === 'a' ? ('always' as const) : ('by default' as const) }),
  }
}
