import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ClientBase } from 'pg'
import { checkPhysical, type PhysicalWish } from './check-physical.ts'
import { connectSource, type SourceConnection } from './connection.ts'
import { readServerFacts } from './server-facts.ts'
import { fine, lacking, note, type SourceFinding } from './source-finding.ts'
import { quoteIdent } from './sql-text.ts'
import { findTables } from './table-export/find-tables.ts'
import { parseTableName } from './table-export/table-name.ts'
import { findPostgresTools, findProgram, type Search } from './tools/find-tools.ts'

export interface CheckSourceOptions {
  rolePasswords: boolean
  search: Search
  lockTimeoutMs?: number
  /** Whether dumps are taken; default true. */
  dumps?: boolean
  /** Base backups, incrementals and WAL that are taken as well. */
  physical?: PhysicalWish
  /** Tables that are exported as CSV, as the policies name them. */
  exports?: readonly string[]
}

/**
 * Asks whether a role can take a complete backup, and names the exact statement for each right it lacks. Changes nothing.
 *
 * Without a connection nothing else can be asked: repair that finding and ask again.
 */
export async function checkSource(to: SourceConnection, opts: CheckSourceOptions): Promise<SourceFinding[]> {
  try {
    await using client = await connectSource(to, {
      applicationName: 'lifeboat source check',
      lockTimeoutMs: opts.lockTimeoutMs ?? 10_000,
    })
    const { server, databaseBytes } = await readServerFacts(client)
    return [
      fine('connection', `${to.user} may connect to ${to.database}`),
      fine('server', `PostgreSQL ${server.version}, ${Math.round(databaseBytes / 1e6)} MB`),
      ...(opts.dumps === false
        ? [await programsFinding(opts.search)]
        : await checkDumps(client, to, server.major, opts)),
      ...(opts.exports ? await checkExports(client, to.user, opts.exports) : []),
      ...(opts.physical ? await checkPhysical(client, to, opts.physical) : []),
    ]
  } catch (thrown) {
    return [connectionFinding(LifeboatError.from(thrown), to)]
  }
}

async function checkDumps(
  client: ClientBase,
  { user }: SourceConnection,
  major: number,
  { search, rolePasswords }: CheckSourceOptions,
): Promise<SourceFinding[]> {
  return [
    await toolsFinding(major, search),
    await tablesFinding(client, user),
    await rowSecurityFinding(client, user),
    await largeObjectsFinding(client, user),
    await rolePasswordsFinding(client, user, rolePasswords),
    await subscriptionsFinding(client),
    await userMappingsFinding(client),
  ]
}

/** Each table that cannot be exported, with the statement that repairs it. */
async function checkExports(client: ClientBase, user: string, names: readonly string[]): Promise<SourceFinding[]> {
  const wanted = names.flatMap((name) => parseTableName(name) ?? [])
  const { tables, obstacles } = await findTables(client, wanted, user)
  if (obstacles.length === 0) return [fine('exports', `all ${tables.length} tables can be exported`)]
  return obstacles.map(({ message, statements }) => lacking('exports', message, ...statements))
}

function connectionFinding(err: LifeboatError, to: SourceConnection): SourceFinding {
  // The only right that stands between a role that may log in and a session.
  const statements =
    err.code === 'SOURCE_RIGHTS_MISSING'
      ? [`GRANT CONNECT ON DATABASE ${quoteIdent(to.database)} TO ${quoteIdent(to.user)};`]
      : []
  return {
    check: 'connection',
    state: 'lacking',
    message: `${err.title}. ${err.hint}`,
    statements,
    error: err.toReport(),
  }
}

function toolsFinding(major: number, search: Search): Promise<SourceFinding> {
  return found(async () => {
    const tools = await findPostgresTools(major, ['pg_dump', 'pg_dumpall'], search)
    await Promise.all([findProgram('age', search), findProgram('zstd', search)])
    return `pg_dump ${tools.major}, zstd and age are here`
  })
}

/** The server itself reads and compresses a base. */
function programsFinding(search: Search): Promise<SourceFinding> {
  return found(async () => {
    await Promise.all([findProgram('age', search), findProgram('zstd', search)])
    return 'zstd and age are here'
  })
}

async function found(look: () => Promise<string>): Promise<SourceFinding> {
  try {
    return fine('tools', await look())
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    const message = `${String(err.facts.tool)} is missing: install ${String(err.facts.package)}`
    return { ...lacking('tools', message), error: err.toReport() }
  }
}

/** Everything pg_dump locks or reads: tables, sequences and the schemas they live in. */
const UNREADABLE = `
  select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'S', 'v', 'm', 'f') and c.relpersistence <> 't'
     and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     and not (has_schema_privilege(n.oid, 'USAGE') and
              case c.relkind when 'S' then has_sequence_privilege(c.oid, 'SELECT') else has_table_privilege(c.oid, 'SELECT') end)
   order by 1`

async function tablesFinding(client: ClientBase, user: string): Promise<SourceFinding> {
  const names = await namesOf(client, UNREADABLE)
  const all = await client.query<{ granted: boolean }>("select pg_has_role('pg_read_all_data', 'USAGE') as granted")
  if (names.length > 0)
    return lacking('tables', `${user} may not read ${list(names)}`, `GRANT pg_read_all_data TO ${quoteIdent(user)};`)
  return all.rows[0]?.granted
    ? fine('tables', `${user} may read every table and sequence`)
    : note(
        'tables',
        `${user} may read everything there is now; a table made tomorrow is readable only with pg_read_all_data`,
        `GRANT pg_read_all_data TO ${quoteIdent(user)};`,
      )
}

/** Tables whose policies apply to us: pg_dump refuses them rather than dump half the rows. */
const POLICED = `
  select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relrowsecurity and c.relkind in ('r', 'p') and row_security_active(c.oid) order by 1`

async function rowSecurityFinding(client: ClientBase, user: string): Promise<SourceFinding> {
  const names = await namesOf(client, POLICED)
  return names.length === 0
    ? fine('row-security', 'no row security policy hides rows')
    : lacking('row-security', `row security hides rows of ${list(names)}`, `ALTER ROLE ${quoteIdent(user)} BYPASSRLS;`)
}

/** Rights on large objects are per object, also for pg_read_all_data. */
const LARGE_OBJECTS = `
  select m.oid::text as name from pg_largeobject_metadata m
   where current_setting('lo_compat_privileges') <> 'on'
     and not (select rolsuper from pg_roles where rolname = current_user)
     and not pg_has_role(m.lomowner, 'USAGE')
     and not exists (select from aclexplode(m.lomacl) a
                      where a.privilege_type = 'SELECT' and (a.grantee = 0 or pg_has_role(a.grantee, 'USAGE')))
   order by m.oid`

async function largeObjectsFinding(client: ClientBase, user: string): Promise<SourceFinding> {
  const oids = await namesOf(client, LARGE_OBJECTS)
  return oids.length === 0
    ? fine('large-objects', 'every large object may be read')
    : lacking(
        'large-objects',
        `${user} may not read large objects ${list(oids)}; a setting of the role covers future ones too, single GRANTs would not`,
        `ALTER ROLE ${quoteIdent(user)} SET lo_compat_privileges = on;`,
      )
}

async function rolePasswordsFinding(client: ClientBase, user: string, wanted: boolean): Promise<SourceFinding> {
  if (!wanted) return fine('role-passwords', 'roles are backed up without passwords, as configured')
  const { rows } = await client.query<{ may: boolean }>("select has_table_privilege('pg_authid', 'SELECT') as may")
  return rows[0]?.may
    ? fine('role-passwords', `${user} may read the password hashes of roles`)
    : lacking(
        'role-passwords',
        `${user} may not read the password hashes of roles; grant it or set rolePasswords: false`,
        `GRANT pg_read_all_data TO ${quoteIdent(user)};`,
      )
}

/** NOTE pg_dump leaves subscriptions out for anybody but a superuser and only warns; other rights do not change that. */
const SUBSCRIPTIONS = `
  select format('%I', s.subname) as name from pg_subscription s
   where s.subdbid = (select oid from pg_database where datname = current_database())
     and not (select rolsuper from pg_roles where rolname = current_user) order by 1`

async function subscriptionsFinding(client: ClientBase): Promise<SourceFinding> {
  const names = await namesOf(client, SUBSCRIPTIONS)
  return names.length === 0
    ? fine('subscriptions', 'no subscription would be left out')
    : note('subscriptions', `only a superuser can dump subscriptions; left out: ${list(names)}`)
}

/** Options of a user mapping read as absent to those who may not see them; pg_dump then writes the mapping without. */
const USER_MAPPINGS = `
  select format('%I on %I', usename, srvname) as name from pg_user_mappings
   where umoptions is null and not (select rolsuper from pg_roles where rolname = current_user) order by 1`

async function userMappingsFinding(client: ClientBase): Promise<SourceFinding> {
  const names = await namesOf(client, USER_MAPPINGS)
  return names.length === 0
    ? fine('user-mappings', 'no user mapping would lose its options')
    : note(
        'user-mappings',
        `options (passwords) of these user mappings may be invisible to the role and so missing: ${list(names)}`,
      )
}

async function namesOf(client: ClientBase, sql: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(sql)
  return rows.map((row) => row.name)
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}
