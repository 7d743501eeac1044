import type { ClientBase } from 'pg'
import { fine, note, type SourceFinding } from './source-finding.ts'
import { quoteIdent } from './sql-text.ts'

/** Its one row is written every few seconds, so that recovery finds a commit at any moment and can prove which one it reached. */
export function heartbeatTable(schema: string): string {
  return `${quoteIdent(schema)}.heartbeat`
}

/** Makes what is missing of schema and table; a schema that somebody made for us needs no rights on the database. */
export async function ensureHeartbeat(client: ClientBase, schema: string): Promise<void> {
  const table = heartbeatTable(schema)
  const { rows } = await client.query<{ schema: boolean; table: boolean }>(
    `SELECT to_regnamespace(quote_ident($1)) IS NOT NULL AS schema,
            EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'heartbeat') AS table`,
    [schema],
  )
  if (rows[0]?.table) return
  if (!rows[0]?.schema) await client.query(`CREATE SCHEMA ${quoteIdent(schema)}`)
  await client.query(
    `CREATE TABLE ${table} (id int PRIMARY KEY CHECK (id = 1), beat_at timestamptz NOT NULL, beat bigint NOT NULL)`,
  )
}

/**
 * The newest heartbeat, milliseconds since 1970.
 *
 * @returns undefined: there is no row, not even the table, or the role may not read it
 */
export async function newestHeartbeat(client: Pick<ClientBase, 'query'>, schema: string): Promise<number | undefined> {
  const readable = await client.query<{ readable: boolean }>(
    `select has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT') as readable
       from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = 'heartbeat'`,
    [schema],
  )
  if (!readable.rows[0]?.readable) return undefined
  const { rows } = await client.query<{ at: Date | null }>(`select max(beat_at) as at from ${heartbeatTable(schema)}`)
  return rows[0]?.at?.getTime()
}

interface Rights {
  standby: boolean
  mayMakeSchema: boolean
  schema: boolean
  mayMakeTable: boolean
  table: boolean
  mayWrite: boolean
}

const RIGHTS = `
  with it as (select (select oid from pg_namespace where nspname = $1) as schema,
                     (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                       where n.nspname = $1 and c.relname = 'heartbeat') as "table")
  select pg_is_in_recovery() as standby, has_database_privilege(current_database(), 'CREATE') as "mayMakeSchema",
         schema is not null as schema, coalesce(has_schema_privilege(schema, 'USAGE, CREATE'), false) as "mayMakeTable",
         "table" is not null as "table",
         coalesce(has_schema_privilege(schema, 'USAGE') and has_table_privilege("table", 'SELECT')
                  and has_table_privilege("table", 'INSERT') and has_table_privilege("table", 'UPDATE'), false) as "mayWrite"
    from it`

/** Whether a role can write its heartbeat; WAL is kept without one too, so this is never more than a note. */
export async function heartbeatFinding(client: ClientBase, user: string, schema: string): Promise<SourceFinding> {
  const { rows } = await client.query<Rights>(RIGHTS, [schema])
  const rights = rows[0] as Rights
  const table = heartbeatTable(schema)
  const role = quoteIdent(user)
  if (rights.standby) return fine('heartbeat', 'this is a standby: its primary has to write the heartbeat')
  if (rights.mayWrite) return fine('heartbeat', `${user} may write ${table}`)
  if (rights.table)
    return lackingBeat(user, table, [
      `GRANT USAGE ON SCHEMA ${quoteIdent(schema)} TO ${role};`,
      `GRANT SELECT, INSERT, UPDATE ON ${table} TO ${role};`,
    ])
  if (rights.schema && !rights.mayMakeTable)
    return lackingBeat(user, table, [`GRANT USAGE, CREATE ON SCHEMA ${quoteIdent(schema)} TO ${role};`])
  if (!rights.schema && !rights.mayMakeSchema)
    return lackingBeat(user, table, [`CREATE SCHEMA ${quoteIdent(schema)} AUTHORIZATION ${role};`])
  return fine('heartbeat', `${user} will make ${table}`)
}

function lackingBeat(user: string, table: string, statements: string[]): SourceFinding {
  const cost = 'an idle database can then not be recovered to every moment'
  return note('heartbeat', `${user} may not write ${table}: ${cost}`, ...statements)
}
