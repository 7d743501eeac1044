import { definition, field, grants, notOfExtension, options, owner, routine, USER_SCHEMA } from './fragments.ts'
import type { SchemaQuery } from './schema-query.ts'

/** Text search, languages, access methods, foreign servers: what the database works with rather than on. */
export const MACHINERY_QUERIES: readonly SchemaQuery[] = [
  {
    class: 'text search',
    sql: `select identity.type || ' ' || identity.identity as identity, definition from (
        select 'pg_ts_config'::regclass as class, c.oid, c.cfgnamespace as namespace, ${definition(
          field('owner', owner('c.cfgowner')),
          field('parser', `(select prsname from pg_ts_parser where oid = c.cfgparser)`),
          field(
            'mapping',
            `(select string_agg(concat_ws(' ', maptokentype, mapseqno, mapdict::regdictionary), ',' order by maptokentype, mapseqno) from pg_ts_config_map where mapcfg = c.oid)`,
          ),
        )} as definition from pg_ts_config c
        union all
        select 'pg_ts_dict'::regclass, d.oid, d.dictnamespace, ${definition(
          field('owner', owner('d.dictowner')),
          field('template', '(select tmplname from pg_ts_template where oid = d.dicttemplate)'),
          field('options', 'd.dictinitoption'),
        )} from pg_ts_dict d
        union all
        select 'pg_ts_parser'::regclass, p.oid, p.prsnamespace, concat_ws(' ', p.prsstart, p.prstoken, p.prsend, p.prsheadline, p.prslextype) from pg_ts_parser p
        union all
        select 'pg_ts_template'::regclass, t.oid, t.tmplnamespace, concat_ws(' ', t.tmplinit, t.tmpllexize) from pg_ts_template t
      ) as ts join pg_namespace n on n.oid = ts.namespace, lateral pg_identify_object(ts.class, ts.oid, 0) as identity
     where ${USER_SCHEMA} and not exists (select from pg_depend ext where ext.classid = ts.class and ext.objid = ts.oid and ext.deptype = 'e')`,
  },
  {
    class: 'languages',
    sql: `select l.lanname::text as identity, ${definition(
      field('owner', owner('l.lanowner')),
      field('grants', grants('l', 'l.lanacl', 'l.lanowner')),
      field('trusted', 'l.lanpltrusted'),
      field('handler', routine('l.lanplcallfoid')),
      field('inline', routine('l.laninline')),
      field('validator', routine('l.lanvalidator')),
    )} as definition from pg_language l where l.oid >= 16384 and ${notOfExtension('pg_language', 'l.oid')}`,
  },
  {
    class: 'transforms',
    sql: `select format('%s for %s', format_type(t.trftype, null), l.lanname) as identity,
      ${definition(field('from', routine('t.trffromsql')), field('to', routine('t.trftosql')))} as definition
      from pg_transform t join pg_language l on l.oid = t.trflang where ${notOfExtension('pg_transform', 't.oid')}`,
  },
  {
    class: 'access methods',
    sql: `select a.amname::text as identity, concat_ws(' ', a.amtype, a.amhandler) as definition from pg_am a
     where a.oid >= 16384 and ${notOfExtension('pg_am', 'a.oid')}`,
  },
  {
    class: 'foreign servers',
    // Options of user mappings are left out: they hold passwords.
    sql: `select 'wrapper ' || quote_ident(f.fdwname) as identity, ${definition(
      field('owner', owner('f.fdwowner')),
      field('grants', grants('F', 'f.fdwacl', 'f.fdwowner')),
      field('handler', routine('f.fdwhandler')),
      field('validator', routine('f.fdwvalidator')),
      field('options', options('f.fdwoptions')),
    )} as definition from pg_foreign_data_wrapper f where ${notOfExtension('pg_foreign_data_wrapper', 'f.oid')}
    union all
    select 'server ' || quote_ident(s.srvname), ${definition(
      field('owner', owner('s.srvowner')),
      field('grants', grants('S', 's.srvacl', 's.srvowner')),
      field('wrapper', '(select fdwname from pg_foreign_data_wrapper where oid = s.srvfdw)'),
      field('type', 's.srvtype'),
      field('version', 's.srvversion'),
      field('options', options('s.srvoptions')),
    )} from pg_foreign_server s where ${notOfExtension('pg_foreign_server', 's.oid')}
    union all
    select format('mapping of %I at %I', usename, srvname), '' from pg_user_mappings`,
  },
]
