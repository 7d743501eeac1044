/** Pieces of SQL that every schema query uses; the settings of pin-settings.ts make their output comparable. */

/** Objects of users: nothing of PostgreSQL's own schemas, no temporary ones. `n` is pg_namespace. */
export const USER_SCHEMA = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`

/** Not brought by an extension: a dump leaves those to CREATE EXTENSION. */
export function notOfExtension(catalog: string, oid: string): string {
  return `not exists (select from pg_depend ext where ext.classid = '${catalog}'::regclass and ext.objid = ${oid} and ext.deptype = 'e')`
}

/**
 * Who may do what, in an order of its own: grants come back from a dump in another order. No ACL means the default of the object's kind.
 *
 * @param kind letter of acldefault: r relation, s sequence, f function, n schema, T type, l language, d database, t tablespace, F wrapper, S server, L large object
 */
export function grants(kind: string, acl: string, owner: string): string {
  return aclText(`coalesce(${acl}, acldefault('${kind}', ${owner}))`)
}

/** A plain aclitem[]; NULL stays NULL. */
export function aclText(acl: string): string {
  return `(select string_agg(format('%s=%s%s/%s', case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
      privilege_type, case when is_grantable then '*' end, quote_ident(pg_get_userbyid(grantor))), ' '
      order by pg_get_userbyid(grantee) collate "C", grantee = 0, privilege_type collate "C", pg_get_userbyid(grantor) collate "C", is_grantable)
    from aclexplode(${acl}))`
}

export function owner(oid: string): string {
  return `quote_ident(pg_get_userbyid(${oid}))`
}

/** `label=value` where there is a value, nothing otherwise. */
export function field(label: string, value: string): string {
  return `'${label}=' || (${value})::text`
}

/** One definition out of several fields; absent ones are skipped, labels keep them apart. */
export function definition(...fields: string[]): string {
  return `concat_ws(E'\\n', ${fields.join(', ')})`
}

export const tablespace = (oid: string) => `(select spcname from pg_tablespace where oid = ${oid})`
/**
 * Options somebody set. Debian's PostgreSQL 15.20 stamps every column with a `pg_attver` (15.18 does not), which no dump carries and which
 * differs in each cluster.
 */
export const options = (array: string) =>
  `(select string_agg(option, ',' order by option collate "C") from unnest(${array}) as option where option !~ '^pg_attver=')`
export const typeName = (oid: string) => `format_type(${oid}, null)`
export const collationName = (oid: string) => `nullif(${oid}, 0)::regcollation::text`
/** A function by name and arguments; absent when there is none. */
export const routine = (oid: string) => `nullif(${oid}::oid, 0)::regprocedure::text`
