import type { ExportedColumn, ExportedTable, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { quoteIdent } from '../sql-text.ts'

/** One thing to make, and what to call it when it cannot be made. */
export interface Statement {
  what: string
  sql: string
}

/** Their values are names of objects that exist only where the rows came from. */
const OBJECT_NAMES: ReadonlySet<string> = new Set([
  ...['regclass', 'regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator'],
  ...['regproc', 'regprocedure', 'regrole', 'regtype'],
])

/** Where a table is loaded to; the rows of a query into a table of its name in `public`. */
export function relationOf({ schema, name }: Pick<ExportedTable, 'schema' | 'name'>): string {
  return `${quoteIdent(schema ?? 'public')}.${quoteIdent(name)}`
}

export function columnList({ columns }: Pick<ExportedTable, 'columns'>): string {
  return columns.map(({ name }) => quoteIdent(name)).join(', ')
}

/**
 * Everything that must exist before the rows can be loaded: schemas, extensions, types, then the tables.
 *
 * The tables are plain: no partitions, no parents, no triggers, no row security, and columns that other columns compute are left out, for the CSV holds
 * nothing of them. Names of objects (regclass and its like) become text, because the objects are not there.
 */
export function creationOf({ needs, tables }: Pick<TableExport, 'needs' | 'tables'>): Statement[] {
  const schemas = [...new Set(tables.flatMap(({ schema }) => schema ?? []))]
  return [
    ...schemas.map((name) => ({ what: `schema ${name}`, sql: `CREATE SCHEMA IF NOT EXISTS ${quoteIdent(name)}` })),
    ...needs,
    // A table whose rows are values of another's column stands among the needs already.
    ...tables
      .map((table) => ({ what: `table ${table.title}`, sql: tableSql(table) }))
      .filter(({ what }) => !needs.some((need) => need.what === what)),
  ]
}

/** What the rows must obey, once they are there; a constraint over a computed column cannot be asked. */
export function constraintsOf(table: ExportedTable): Statement[] {
  const computed = table.generated.map(({ name }) => name)
  return table.constraints
    .filter((sql) => !computed.some((name) => sql.includes(name)))
    .map((sql) => ({ what: `${sql} of ${table.title}`, sql: `ALTER TABLE ${relationOf(table)} ADD ${sql}` }))
}

/** The page of SQL that lies beside the files, for a person. */
export function definitionText(of: TableExport): string {
  const made = creationOf(of).map(({ sql }) => `${sql};`)
  const rules = of.tables.flatMap((table) => [
    ...table.generated.map(
      ({ name, type, expression }) =>
        `-- ${table.title}: column ${quoteIdent(name)} ${type} is computed, GENERATED ALWAYS AS (${expression})`,
    ),
    ...table.columns.flatMap(({ name, default: value, identity }) => [
      ...(value === undefined ? [] : [`-- ${table.title}: column ${quoteIdent(name)} DEFAULT ${value}`]),
      ...(identity === undefined
        ? []
        : [`-- ${table.title}: column ${quoteIdent(name)} GENERATED ${identity.toUpperCase()} AS IDENTITY`]),
    ]),
    ...table.constraints.map((sql) => `-- ALTER TABLE ${relationOf(table)} ADD ${sql};`),
  ])
  const sequences = of.sequences.map(
    ({ schema, name, lastValue, isCalled, usedBy }) =>
      `-- SELECT setval('${quoteIdent(schema)}.${quoteIdent(name)}', ${lastValue}, ${isCalled}); for ${usedBy.column} of ${usedBy.table}`,
  )
  const head = `-- Tables of ${of.database} as of ${of.snapshot.at}, without rows. Computed columns, defaults, rules and sequences follow as comments.`
  return `${[head, '', ...made, '', ...[...rules, ...sequences].map(oneLine)].join('\n')}\n`
}

/** The table alone; see `creationOf` for what it needs. */
export function tableSql(table: Pick<ExportedTable, 'schema' | 'name' | 'columns'>): string {
  return `CREATE TABLE ${relationOf(table)} (${table.columns.map(columnSql).join(', ')})`
}

/** Whether a table that is made from its description holds the column as text. */
export function isHeldAsText({ builtin }: Pick<ExportedColumn, 'builtin'>): boolean {
  return builtin !== undefined && OBJECT_NAMES.has(builtin)
}

function columnSql(column: ExportedColumn): string {
  const { name, type, nullable, collation } = column
  const plain = isHeldAsText(column) ? 'text' : type
  // A collation of the user's own decides an order, and order is nothing the rows hold.
  const collate = collation?.startsWith('pg_catalog.') && plain === type ? ` COLLATE ${collation}` : ''
  return `${quoteIdent(name)} ${plain}${collate}${nullable ? '' : ' NOT NULL'}`
}

function oneLine(comment: string): string {
  return comment.replaceAll(/\r?\n/g, ' ')
}
