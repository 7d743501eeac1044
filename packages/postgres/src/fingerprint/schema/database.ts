import { aclText, definition, field, grants, notOfExtension, options, owner, USER_SCHEMA } from './fragments.ts'
import type { SchemaQuery } from './schema-query.ts'

/** What stands around the tables: the database itself, schemas, extensions, publications, comments. */
export const DATABASE_QUERIES: readonly SchemaQuery[] = [
  {
    class: 'database',
    sql: `select 'database' as identity, ${definition(
      field('owner', owner('d.datdba')),
      field('grants', grants('d', 'd.datacl', 'd.datdba')),
      field('encoding', 'pg_encoding_to_char(d.encoding)'),
      field('collate', 'd.datcollate'),
      field('ctype', 'd.datctype'),
      field('provider', `to_jsonb(d)->>'datlocprovider'`),
      field('icu locale', `coalesce(to_jsonb(d)->>'daticulocale', to_jsonb(d)->>'datlocale')`),
      field('connection limit', 'd.datconnlimit'),
      field('template', 'd.datistemplate'),
      field('comment', `shobj_description(d.oid, 'pg_database')`),
    )} as definition from pg_database d where d.datname = current_database()`,
  },
  {
    class: 'schemas',
    sql: `select quote_ident(n.nspname) as identity, ${definition(
      field('owner', owner('n.nspowner')),
      field('grants', grants('n', 'n.nspacl', 'n.nspowner')),
    )} as definition from pg_namespace n where ${USER_SCHEMA} and ${notOfExtension('pg_namespace', 'n.oid')}`,
  },
  {
    class: 'extensions',
    // Versions are compared apart, and who owns an extension no dump tells.
    sql: `select e.extname::text as identity, 'schema=' || e.extnamespace::regnamespace as definition from pg_extension e`,
  },
  {
    class: 'extension grants',
    // Grants that somebody changed on what an extension brought. The grantor is the extension's owner, so it is left out.
    sql: `select member.type || ' ' || member.identity as identity,
        (select string_agg(format('%s=%s', case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, a.privilege_type), ' '
          order by a.grantee = 0, pg_get_userbyid(a.grantee) collate "C", a.privilege_type collate "C") from aclexplode(o.acl) a where a.grantee <> o.owner) as definition
      from (select 'pg_class'::regclass as class, oid, relacl as acl, relowner as owner from pg_class
            union all select 'pg_proc'::regclass, oid, proacl, proowner from pg_proc
            union all select 'pg_type'::regclass, oid, typacl, typowner from pg_type
            union all select 'pg_namespace'::regclass, oid, nspacl, nspowner from pg_namespace) as o
      join pg_depend d on d.classid = o.class and d.objid = o.oid and d.deptype = 'e',
      lateral pg_identify_object(o.class, o.oid, 0) as member
     where o.acl is not null
       and o.acl is distinct from (select initprivs from pg_init_privs i where i.classoid = o.class and i.objoid = o.oid and i.objsubid = 0)`,
  },
  {
    class: 'event triggers',
    sql: `select quote_ident(t.evtname) as identity, ${definition(
      field('owner', owner('t.evtowner')),
      field('event', 't.evtevent'),
      field('function', 't.evtfoid::regprocedure'),
      field('enabled', 't.evtenabled'),
      field('tags', 't.evttags'),
    )} as definition from pg_event_trigger t where ${notOfExtension('pg_event_trigger', 't.oid')}`,
  },
  {
    class: 'publications',
    rendered: true,
    sql: `select quote_ident(p.pubname) as identity, ${definition(
      field('owner', owner('p.pubowner')),
      field('publishes', `(to_jsonb(p) - '{oid,pubname,pubowner}'::text[])::text`),
      field(
        'tables',
        `(select string_agg(concat_ws(' ', r.prrelid::regclass,
          (select string_agg(quote_ident(attname), ',' order by attname collate "C") from pg_attribute where attrelid = r.prrelid and attnum = any (r.prattrs)),
          pg_get_expr(r.prqual, r.prrelid)), E'\\n' order by r.prrelid::regclass::text collate "C") from pg_publication_rel r where r.prpubid = p.oid)`,
      ),
      field(
        'schemas',
        `(select string_agg(s.pnnspid::regnamespace::text, ',' order by s.pnnspid::regnamespace::text collate "C") from pg_publication_namespace s where s.pnpubid = p.oid)`,
      ),
    )} as definition from pg_publication p where ${notOfExtension('pg_publication', 'p.oid')}`,
  },
  {
    class: 'subscriptions',
    superuser: true,
    // They come back disabled on purpose, so whether one is enabled is no difference.
    sql: `select quote_ident(s.subname) as identity, ${definition(
      field('owner', owner('s.subowner')),
      field('slot', 's.subslotname'),
      field('publications', 's.subpublications'),
    )} as definition from pg_subscription s where s.subdbid = (select oid from pg_database where datname = current_database())`,
  },
  {
    class: 'default privileges',
    sql: `select format('%I in %s for %s', pg_get_userbyid(d.defaclrole), case d.defaclnamespace when 0 then 'any schema' else d.defaclnamespace::regnamespace::text end, d.defaclobjtype) as identity,
      ${aclText('d.defaclacl')} as definition from pg_default_acl d`,
  },
  {
    class: 'comments',
    // Below 16384 is what initdb made; of that only the schema public (2200) is the user's to comment on.
    sql: `select object.type || ' ' || object.identity as identity, d.description as definition from pg_description d,
      lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) as object
     where (d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass and d.objoid = 2200)
       and (object.schema is null or object.schema !~ '^pg_(toast|temp)')
       and not exists (select from pg_depend ext where ext.classid = d.classoid and ext.objid = d.objoid and ext.deptype = 'e')`,
  },
  {
    class: 'security labels',
    sql: `select object.type || ' ' || object.identity || ' by ' || l.provider as identity, l.label as definition from pg_seclabel l,
      lateral pg_identify_object(l.classoid, l.objoid, l.objsubid) as object`,
  },
  {
    class: 'large objects',
    sql: `select l.oid::text as identity, ${definition(
      field('owner', owner('l.lomowner')),
      field('grants', grants('L', 'l.lomacl', 'l.lomowner')),
    )} as definition from pg_largeobject_metadata l`,
  },
  {
    class: 'tablespaces',
    // Where one lies is up to the machine it is restored on.
    sql: `select quote_ident(t.spcname) as identity, ${definition(
      field('owner', owner('t.spcowner')),
      field('grants', grants('t', 't.spcacl', 't.spcowner')),
      field('options', options('t.spcoptions')),
      field('comment', `shobj_description(t.oid, 'pg_tablespace')`),
    )} as definition from pg_tablespace t where t.spcname !~ '^pg_'`,
  },
]

/** Roles belong to the cluster; the globals carry them. */
export const ROLE_QUERIES: readonly SchemaQuery[] = [
  {
    class: 'roles',
    sql: `select quote_ident(r.rolname) as identity, ${definition(
      `format('superuser=%s inherit=%s createrole=%s createdb=%s login=%s replication=%s bypassrls=%s limit=%s', r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolconnlimit)`,
      field('valid until', 'r.rolvaliduntil'),
      field('comment', `shobj_description(r.oid, 'pg_authid')`),
    )} as definition from pg_roles r where r.rolname !~ '^pg_'`,
  },
  {
    class: 'memberships',
    // The options of 16 and later are read through JSON, so that one query serves every version.
    sql: `select format('%I in %I', pg_get_userbyid(m.member), pg_get_userbyid(m.roleid)) as identity,
        string_agg(concat_ws(' ', 'admin=' || m.admin_option, 'inherit=' || (to_jsonb(m)->>'inherit_option'), 'set=' || (to_jsonb(m)->>'set_option'),
          'by=' || (select rolname from pg_roles where oid = m.grantor)), E'\\n' order by (select rolname from pg_roles where oid = m.grantor) collate "C") as definition
      from pg_auth_members m where pg_get_userbyid(m.member) !~ '^pg_' group by m.member, m.roleid`,
  },
  {
    class: 'role passwords',
    superuser: true,
    sql: `select quote_ident(a.rolname) as identity, a.rolpassword as definition from pg_authid a where a.rolpassword is not null`,
  },
]
