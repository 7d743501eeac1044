import type { ExportedTable } from '@lifeboat/shared/domain/table-export.ts'
import { libpqEnv, type SourceConnection } from '../connection.ts'
import { TEXT_SETTINGS } from '../fingerprint/pin-settings.ts'
import { quoteLiteral } from '../sql-text.ts'
import { BASE_ENV, type Stage } from '../tools/stage.ts'
import { columnList, relationOf } from './definition.ts'

/** Where a query of a policy finds what it names without a schema. */
export const QUERY_PATH = 'pg_catalog, public'

export type CopiedTable = Pick<ExportedTable, 'schema' | 'name' | 'query' | 'columns'> & { partitioned: boolean }

/**
 * The statement that writes one table or query as CSV to its client.
 *
 * @see https://www.postgresql.org/docs/current/sql-copy.html
 */
export function copyStatement(table: CopiedTable, encoding: string): string {
  return `COPY ${rowsOf(table)} TO STDOUT (${optionsOf(encoding)})`
}

/** What a file is called by whoever reads it: UTF-8 whatever the database is in, unless its bytes have no encoding at all. */
export function fileEncoding(databaseEncoding: string): string {
  return databaseEncoding === 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8'
}

/** The other way: `COPY … FROM STDIN`, for psql's \\copy as well. */
export function loadStatement(table: Pick<ExportedTable, 'schema' | 'name' | 'columns'>, encoding: string): string {
  const columns = table.columns.length === 0 ? '' : ` (${columnList(table)})`
  return `copy ${relationOf(table)}${columns} from stdin (${optionsOf(encoding)})`
}

/** Rows from standard input into the table a definition made. */
export function copyIn(
  table: Pick<ExportedTable, 'schema' | 'name' | 'columns'>,
  to: { program: string; connection: SourceConnection; applicationName: string; encoding: string },
): Stage {
  const settings = Object.entries(TEXT_SETTINGS).map(([name, value]) => `SET ${name} = ${quoteLiteral(value)}`)
  const commands = [...settings, loadStatement(table, to.encoding)]
  const args = ['--no-psqlrc', '--quiet', '--no-password', '--set=ON_ERROR_STOP=1']
  return {
    tool: 'psql',
    program: to.program,
    args: [...args, ...commands.map((sql) => `--command=${sql}`)],
    env: { ...BASE_ENV, ...libpqEnv(to.connection, to.applicationName) },
  }
}

function optionsOf(encoding: string): string {
  return `format csv, header, encoding ${quoteLiteral(encoding)}`
}

/** COPY of a table writes its own rows only; the rows of partitions have to be asked for. */
function rowsOf(table: CopiedTable): string {
  if (table.query !== undefined) return `(${table.query}\n)`
  const columns = columnList(table)
  if (table.partitioned) return `(SELECT ${columns} FROM ${relationOf(table)})`
  return columns === '' ? relationOf(table) : `${relationOf(table)} (${columns})`
}
