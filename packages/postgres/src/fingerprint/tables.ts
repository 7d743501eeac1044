import type { TableFingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type pg from 'pg'
import { quoteIdent } from '../sql-text.ts'
import { type HashedColumn, rowHash } from './row-hash.ts'

/** A table whose rows a dump carries. */
export interface DumpedTable {
  schema: string
  name: string
  /** With its TOAST table. */
  bytes: number
  columns: HashedColumn[]
  /** For a configuration table of an extension: which rows are the user's, as `WHERE …`, or nothing for all. */
  condition: string
}

/**
 * The same choice pg_dump makes: ordinary tables and partitions (each leaf for itself), unlogged ones too; of an extension's tables only those
 * it declares as configuration. Foreign tables hold no data here, and materialized views are computed again by a restore.
 * Virtual generated columns hold nothing; stored ones are hashed.
 */
const TABLES = `
  with recursive base as (
    select oid, oid as base, typtype, typbasetype from pg_type
    union all
    select base.oid, t.oid, t.typtype, t.typbasetype from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
  )
  select n.nspname as schema, c.relname as name, pg_table_size(c.oid)::text as bytes, coalesce(config.condition, '') as condition,
         coalesce((
           select json_agg(json_build_object('name', a.attname, 'builtin', case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname end))
             from pg_attribute a
             join base on base.oid = a.atttypid and base.typtype <> 'd'
             join pg_type t on t.oid = base.base
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v'
         ), '[]') as columns
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join lateral (
      select e.extcondition[position] as condition
        from pg_extension e, generate_subscripts(e.extconfig, 1) as position
       where e.extconfig[position] = c.oid
    ) config on true
   where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     and (config.condition is not null or not exists (
           select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))`

/** Largest first, so that several connections finish together. */
export async function listTables(client: pg.ClientBase): Promise<DumpedTable[]> {
  const { rows } = await client.query<Omit<DumpedTable, 'bytes'> & { bytes: string }>(TABLES)
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) })).sort((a, b) => b.bytes - a.bytes)
}

/**
 * Counts the rows and adds up their hashes. A sum sees what an XOR does not: a row that came back twice.
 *
 * @param hashed false for a count only
 */
export async function measureTable(
  client: pg.ClientBase,
  table: DumpedTable,
  hashed: boolean,
): Promise<TableFingerprint> {
  const hash = hashed ? `, coalesce(sum(${rowHash(table.columns)}), 0)::text as hash` : ''
  const from = `only ${quoteIdent(table.schema)}.${quoteIdent(table.name)}`
  const { rows } = await client.query<{ rows: string; hash?: string }>(
    `select count(*)::text as rows${hash} from ${from} ${table.condition}`,
  )
  const { schema, name } = table
  return { schema, name, rows: Number(rows[0]?.rows), ...(hashed && { hash: rows[0]?.hash ?? '0' }) }
}
