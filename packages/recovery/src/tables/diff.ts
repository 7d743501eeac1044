import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { rowHash } from '@lifeboat/postgres/fingerprint/row-hash.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { relationOf } from '@lifeboat/postgres/table-export/definition.ts'
import type { TableDiff } from '@lifeboat/shared/domain/restore-tables.ts'
import type { KeyColumn, LiveTable } from './live-table.ts'
import { type Staged, stagedRows } from './staging.ts'

/** The rows a table holds itself: an inheritance tree is its root alone, of partitions all. */
export function liveRelation(live: Pick<LiveTable, 'partitioned' | 'schema' | 'name'>): string {
  return `${live.partitioned ? '' : 'only '}${relationOf(live)}`
}

/** `l."id" operator(pg_catalog.=) b."id"`, with the operator of the key's own index. */
export function sameKey(key: readonly KeyColumn[], one: string, other: string): string {
  return key
    .map(({ name, equals }) => `${one}.${quoteIdent(name)} ${equals} ${other}.${quoteIdent(name)}`)
    .join(' and ')
}

/** How the rows of the backup differ from those there are now. Reads only. */
export async function diffTable(client: SourceClient, staged: Staged, live: LiveTable): Promise<TableDiff> {
  await client.query('begin read only')
  await pinSettings(client)
  const now = await (live.key.length > 0 ? byKey(client, staged, live) : byContents(client, staged, live))
  await client.query('commit')
  return { table: staged.table.title, rows: staged.table.rows, now }
}

type Counted = NonNullable<TableDiff['now']>

async function byKey(client: SourceClient, staged: Staged, live: LiveTable): Promise<Counted> {
  const { columns } = staged.table
  const keys = live.key.map(({ name }) => quoteIdent(name)).join(', ')
  const hashed = (from: string) => `(select ${keys}, ${rowHash(columns)} as hash from ${from})`
  return count(
    client,
    `select count(l.hash) as rows, count(*) filter (where l.hash is null) as "onlyInBackup", count(*) filter (where b.hash is null) as "onlyNow",
            count(*) filter (where l.hash <> b.hash) as different
       from ${hashed(liveRelation(live))} l
       full join ${hashed(`(${stagedRows(staged)}) staged`)} b on ${sameKey(live.key, 'l', 'b')}`,
  )
}

/** A row may be there several times. */
function byContents(client: SourceClient, staged: Staged, live: LiveTable): Promise<Counted> {
  const counted = (from: string) =>
    `(select ${rowHash(staged.table.columns)} as hash, count(*) as n from ${from} group by 1)`
  return count(
    client,
    `select coalesce(sum(l.n), 0) as rows, coalesce(sum(greatest(coalesce(b.n, 0) - coalesce(l.n, 0), 0)), 0) as "onlyInBackup",
            coalesce(sum(greatest(coalesce(l.n, 0) - coalesce(b.n, 0), 0)), 0) as "onlyNow"
       from ${counted(liveRelation(live))} l full join ${counted(`(${stagedRows(staged)}) staged`)} b on l.hash = b.hash`,
  )
}

async function count(client: SourceClient, sql: string): Promise<Counted> {
  const { rows } = await client.query<Record<keyof Counted, string>>(sql)
  const { rows: now, onlyInBackup, onlyNow, different } = rows[0] as Record<keyof Counted, string | undefined>
  return {
    ...{ rows: Number(now), onlyInBackup: Number(onlyInBackup), onlyNow: Number(onlyNow) },
    ...(different !== undefined && { different: Number(different) }),
  }
}
