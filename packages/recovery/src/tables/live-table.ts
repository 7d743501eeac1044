import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { type Described, describeTable } from '@lifeboat/postgres/table-export/describe-tables.ts'
import { findTables, titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'

/** A table as it is now, in the database everybody uses. */
export interface LiveTable extends TableRef, Described {
  oid: string
  title: string
  partitioned: boolean
  owner: string
  /** What it holds is not in the WAL. */
  unlogged: boolean
  /** Columns of the primary key with the operator that its index compares by; empty where there is none. */
  key: KeyColumn[]
  /** Triggers meant for rows that come by replication, which a restore is not; the table is the partition they belong to. */
  replicaTriggers: TableTrigger[]
  /** Triggers by which the server looks once more at what broke a deferrable constraint for a moment: no others tell it of rows against one. */
  recheckTriggers: TableTrigger[]
}

export interface TableTrigger {
  relation: string
  name: string
}

export interface KeyColumn {
  name: string
  /** `operator(pg_catalog.=)` */
  equals: string
}

/** What stands where a table should be, in one sentence. */
export type NoTable = { problem: string }

/** A key WITHOUT OVERLAPS compares its period by overlapping; what is the same row is told by the same period. */
const ABOUT = `
  select pg_get_userbyid(c.relowner) as owner,
         coalesce((
           select json_agg(json_build_object('name', a.attname, 'equals', format('operator(%I.%s)', n.nspname, o.oprname)) order by k.no)
             from pg_index i
             join pg_constraint con on con.conindid = i.indexrelid and con.contype = 'p'
            cross join unnest(i.indkey::int2[], i.indclass::oid[], con.conexclop) with ordinality as k (attnum, opclass, exclop, no)
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
             join pg_opclass oc on oc.oid = k.opclass
             left join pg_amop am on am.amopfamily = oc.opcfamily and am.amopstrategy = 3 and am.amoplefttype = oc.opcintype and am.amoprighttype = oc.opcintype and con.conexclop is null
             join pg_operator o on o.oid = case when con.conexclop is null then am.amopopr when k.no < i.indnkeyatts then k.exclop else 'pg_catalog.=(anyrange,anyrange)'::regoperator end
             join pg_namespace n on n.oid = o.oprnamespace
            where i.indrelid = c.oid and i.indisprimary and k.no <= i.indnkeyatts
         ), '[]') as key,
         ${triggersWhere(`t.tgenabled = 'R'`)} as "replicaTriggers",
         ${triggersWhere(`t.tgenabled = 'O' and t.tgfoid = 'pg_catalog.unique_key_recheck'::regproc`)} as "recheckTriggers"
    from pg_class c where c.oid = $1::oid`

function triggersWhere(condition: string): string {
  return `coalesce((
           select json_agg(json_build_object('relation', t.tgrelid::regclass::text, 'name', t.tgname))
             from pg_trigger t where t.tgrelid in (select relid from pg_partition_tree(c.oid) union select c.oid) and ${condition}
         ), '[]')`
}

/** @param client with pinned settings */
export async function readLive(client: SourceClient, wanted: TableRef): Promise<LiveTable | NoTable> {
  const { tables, obstacles } = await findTables(client, [wanted], '')
  const [found] = tables
  if (!found) return { problem: obstacles[0]?.message ?? `there is no table ${titleOf(wanted)}` }
  const { rows } = await client.query<Pick<LiveTable, 'owner' | 'key' | 'replicaTriggers' | 'recheckTriggers'>>(ABOUT, [
    found.oid,
  ])
  if (!rows[0]) return { problem: `there is no table ${titleOf(wanted)}` }
  const { schema, name } = wanted
  const { oid, partitioned, unlogged } = found
  return {
    schema,
    name,
    oid,
    partitioned,
    unlogged,
    title: titleOf(wanted),
    ...(await describeTable(client, found)),
    ...rows[0],
  }
}

export function isLive(table: LiveTable | NoTable): table is LiveTable {
  return 'oid' in table
}
