import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { isHeldAsText, relationOf, tableSql } from '@lifeboat/postgres/table-export/definition.ts'
import { measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import type { RestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import type { ExportedTable } from '@lifeboat/shared/domain/table-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { hashedStem, NAME_BYTES } from '../swap/aside-names.ts'

/** What has to be known of rows that are to be put into a table of this name. */
export type RowsOf = Pick<ExportedTable, 'title' | 'schema' | 'name' | 'columns' | 'rows' | 'hash'>

/** Rows of a table, and where they lie in the live database until they are put in. */
export interface Staged {
  table: RowsOf
  at: TableRef
}

const STEM = 'lifeboat_restoring_'
const LEFT = `^${STEM}[0-9a-z]{6}$`

/** Nobody but the restore of this id works in it; that it is gone tells that the restore came to its end. */
export function stagingSchema(restoreId: RestoreId): string {
  return `${STEM}${restoreId.slice(-6)}`
}

/** Tables keep their names, but for those that several schemas have: `clinic.visit`, with a hash behind it where that is too long, or the name of another one. */
export function stagedIn(schema: string, tables: readonly RowsOf[]): Staged[] {
  const isOnly = ({ name }: RowsOf) => tables.filter((each) => each.name === name).length === 1
  const wanted = tables.map((table) => (isOnly(table) ? table.name : `${table.schema}.${table.name}`))
  const isFree = (text: string) => wanted.filter((each) => each === text).length === 1
  return tables.map((table, no) => {
    const text = wanted[no] as string
    const fits = isOnly(table) || (isFree(text) && Buffer.byteLength(text) <= NAME_BYTES)
    const name = fits ? text : hashedStem(text, NAME_BYTES, JSON.stringify([table.schema, table.name]))
    return { table, at: { schema, name } }
  })
}

/**
 * Makes the schema and the empty tables. What an earlier restore left that never came to its end goes; the caller holds the database, so nobody works in it.
 *
 * @param kept false: rows that are moved on need not survive a crash of the server, and are not written to its WAL
 * @throws LifeboatError RESTORE_TABLE_UNFIT – a type of the backup is not in the database | SOURCE_…
 */
export async function makeStaging(
  client: SourceClient,
  schema: string,
  staged: readonly Staged[],
  { kept }: { kept: boolean },
): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select nspname as name from pg_namespace where nspname ~ $1', [
    LEFT,
  ])
  for (const { name } of rows) await dropStaging(client, name)
  await client.query(`create schema ${quoteIdent(schema)}`)
  for (const { table, at } of staged) {
    await client.query(tableSql({ ...at, columns: table.columns })).catch((cause: Error & { code?: string }) => {
      const isMissing = cause.code === '42704' || cause.code === '3F000'
      if (!isMissing) throw diagnoseSql(cause)
      const differences = [`${table.title}: ${cause.message}`]
      throw new LifeboatError('RESTORE_TABLE_UNFIT', { differences }, { cause })
    })
    if (!kept) await client.query(`alter table ${relationOf(at)} set unlogged`)
  }
}

export async function dropStaging(client: SourceClient, schema: string): Promise<void> {
  await client.query(`drop schema if exists ${quoteIdent(schema)} cascade`)
}

export async function isThere(client: SourceClient, schema: string): Promise<boolean> {
  return (await client.query('select from pg_namespace where nspname = $1', [schema])).rowCount === 1
}

/**
 * Did every row come, as it was measured when the backup was taken?
 *
 * @throws LifeboatError RECOVERY_UNLIKE
 */
export async function compareStaged(client: SourceClient, staged: readonly Staged[]): Promise<void> {
  const differences: string[] = []
  await client.query('begin read only')
  await pinSettings(client)
  for (const { table, at } of staged) {
    const found = await measureExport(client, { ...at, columns: table.columns })
    if (found.rows !== table.rows) differences.push(`${table.title} has ${found.rows} rows instead of ${table.rows}.`)
    else if (found.hash !== table.hash) differences.push(`Rows of ${table.title} differ from what was backed up.`)
  }
  await client.query('commit')
  if (differences.length > 0) throw new LifeboatError('RECOVERY_UNLIKE', { differences, count: differences.length })
  for (const { at } of staged) await client.query(`analyze ${relationOf(at)}`)
}

/** The staged rows with the types they have in the live table. */
export function stagedRows({ table, at }: Staged): string {
  const columns = table.columns.map((column) => {
    const name = quoteIdent(column.name)
    return isHeldAsText(column) ? `${name}::${column.type} as ${name}` : name
  })
  return `select ${columns.join(', ')} from ${relationOf(at)}`
}
