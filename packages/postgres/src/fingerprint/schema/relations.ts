import {
  aclText,
  collationName,
  definition,
  field,
  grants,
  notOfExtension,
  options,
  owner,
  tablespace,
  USER_SCHEMA,
} from './fragments.ts'
import type { SchemaQuery } from './schema-query.ts'

const RELATIONS = `pg_class c join pg_namespace n on n.oid = c.relnamespace`
const OURS = `${USER_SCHEMA} and c.relpersistence <> 't' and ${notOfExtension('pg_class', 'c.oid')}`

/** Tables and everything that belongs to one. */
export const RELATION_QUERIES: readonly SchemaQuery[] = [
  {
    class: 'tables',
    sql: `select c.oid::regclass::text as identity, ${definition(
      field('kind', 'c.relkind'),
      field('persistence', 'c.relpersistence'),
      field('owner', owner('c.relowner')),
      field('grants', grants('r', 'c.relacl', 'c.relowner')),
      field('access method', '(select amname from pg_am where oid = c.relam)'),
      field('tablespace', tablespace('c.reltablespace')),
      field('options', options('c.reloptions')),
      field('toast options', options('(select reloptions from pg_class toast where toast.oid = c.reltoastrelid)')),
      field('row security', `c.relrowsecurity || '/' || c.relforcerowsecurity`),
      field(
        'replica identity',
        `c.relreplident::text || coalesce((select ' ' || indexrelid::regclass from pg_index where indrelid = c.oid and indisreplident), '')`,
      ),
      field('partitioned by', 'pg_get_partkeydef(c.oid)'),
      field('partition', 'pg_get_expr(c.relpartbound, c.oid)'),
      field(
        'parents',
        `(select string_agg(inhparent::regclass::text, ',' order by inhseqno) from pg_inherits where inhrelid = c.oid)`,
      ),
      field('of type', 'nullif(c.reloftype, 0)::regtype::text'),
      field(
        'server',
        '(select srvname from pg_foreign_server s join pg_foreign_table f on f.ftserver = s.oid where f.ftrelid = c.oid)',
      ),
      field('foreign options', options('(select ftoptions from pg_foreign_table f where f.ftrelid = c.oid)')),
    )} as definition from ${RELATIONS} where c.relkind in ('r', 'p', 'f') and ${OURS}`,
  },
  {
    class: 'columns',
    rendered: true,
    sql: `select c.oid::regclass::text || '.' || quote_ident(a.attname) as identity, ${definition(
      field('type', 'format_type(a.atttypid, a.atttypmod)'),
      field('not null', 'a.attnotnull'),
      field('collation', `case when a.attcollation <> t.typcollation then ${collationName('a.attcollation')} end`),
      field('identity', `nullif(a.attidentity, '')`),
      field('generated', `nullif(a.attgenerated, '')`),
      field('default', 'pg_get_expr(d.adbin, d.adrelid)'),
      field('storage', 'a.attstorage'),
      field('compression', `nullif(a.attcompression, '')`),
      field('statistics', 'nullif(a.attstattarget, -1)'),
      field('options', options('a.attoptions')),
      field('foreign options', options('a.attfdwoptions')),
      field('grants', aclText('a.attacl')),
    )} as definition
      from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where (c.relkind in ('r', 'p', 'f') or c.relkind in ('v', 'm') and (d.adbin is not null or a.attacl is not null)) and ${OURS}`,
  },
  {
    class: 'constraints',
    rendered: true,
    // Constraint triggers are told with the triggers. A partition's foreign keys follow from its parent's, under names of the restore's choosing;
    // from 18 on NOT NULL has a constraint, which the columns tell already.
    sql: `select quote_ident(k.conname) || ' on ' || c.oid::regclass as identity, ${definition(
      'pg_get_constraintdef(k.oid)',
      field('valid', 'k.convalidated'),
    )} as definition
      from ${RELATIONS} join pg_constraint k on k.conrelid = c.oid
     where k.contype in ('c', 'p', 'u', 'f', 'x') and not (k.contype = 'f' and k.conparentid <> 0) and ${OURS}`,
  },
  {
    class: 'indexes',
    rendered: true,
    // pg_dump leaves out invalid indexes, for they are what a failed CREATE INDEX CONCURRENTLY left.
    sql: `select i.indexrelid::regclass::text as identity, ${definition(
      'pg_get_indexdef(i.indexrelid)',
      field('clustered', 'i.indisclustered'),
      field('valid', 'i.indisvalid'),
      field('tablespace', tablespace('x.reltablespace')),
      field('parent', '(select inhparent::regclass::text from pg_inherits where inhrelid = i.indexrelid)'),
      field(
        'statistics',
        `(select string_agg(attnum || ':' || attstattarget, ',' order by attnum) from pg_attribute where attrelid = i.indexrelid and attstattarget >= 0)`,
      ),
    )} as definition
      from ${RELATIONS} join pg_index i on i.indrelid = c.oid join pg_class x on x.oid = i.indexrelid
     where (i.indisvalid or x.relkind = 'I') and c.relkind <> 't' and ${OURS}`,
  },
  {
    class: 'sequences',
    sql: `select c.oid::regclass::text as identity, ${definition(
      field('owner', owner('c.relowner')),
      field('grants', grants('s', 'c.relacl', 'c.relowner')),
      field('persistence', 'c.relpersistence'),
      field('type', 's.seqtypid::regtype'),
      `format('start=%s increment=%s min=%s max=%s cache=%s cycle=%s', s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)`,
      field(
        'owned by',
        `(select d.refobjid::regclass || '.' || quote_ident(a.attname) from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))`,
      ),
    )} as definition from ${RELATIONS} join pg_sequence s on s.seqrelid = c.oid where ${OURS}`,
  },
  {
    class: 'views',
    rendered: true,
    sql: `select c.oid::regclass::text as identity, ${definition(
      'pg_get_viewdef(c.oid)',
      field('owner', owner('c.relowner')),
      field('grants', grants('r', 'c.relacl', 'c.relowner')),
      field('options', options('c.reloptions')),
    )} as definition from ${RELATIONS} where c.relkind = 'v' and ${OURS}`,
  },
  {
    class: 'materialized views',
    rendered: true,
    sql: `select c.oid::regclass::text as identity, ${definition(
      'pg_get_viewdef(c.oid)',
      field('owner', owner('c.relowner')),
      field('grants', grants('r', 'c.relacl', 'c.relowner')),
      field('options', options('c.reloptions')),
      field('tablespace', tablespace('c.reltablespace')),
      field('populated', 'c.relispopulated'),
    )} as definition from ${RELATIONS} where c.relkind = 'm' and ${OURS}`,
  },
  {
    class: 'triggers',
    rendered: true,
    sql: `select quote_ident(t.tgname) || ' on ' || c.oid::regclass as identity,
      ${definition('pg_get_triggerdef(t.oid)', field('enabled', 't.tgenabled'))} as definition
      from ${RELATIONS} join pg_trigger t on t.tgrelid = c.oid
     where not t.tgisinternal and (t.tgparentid = 0 or t.tgenabled <> 'O') and ${OURS}`,
  },
  {
    class: 'rules',
    rendered: true,
    sql: `select quote_ident(r.rulename) || ' on ' || c.oid::regclass as identity,
      ${definition('pg_get_ruledef(r.oid)', field('enabled', 'r.ev_enabled'))} as definition
      from ${RELATIONS} join pg_rewrite r on r.ev_class = c.oid where r.rulename <> '_RETURN' and ${OURS}`,
  },
  {
    class: 'policies',
    rendered: true,
    sql: `select quote_ident(p.polname) || ' on ' || c.oid::regclass as identity, ${definition(
      field('for', 'p.polcmd'),
      field('permissive', 'p.polpermissive'),
      field(
        'roles',
        `(select string_agg(case role when 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ',' order by role = 0, pg_get_userbyid(role) collate "C") from unnest(p.polroles) as role)`,
      ),
      field('using', 'pg_get_expr(p.polqual, p.polrelid)'),
      field('check', 'pg_get_expr(p.polwithcheck, p.polrelid)'),
    )} as definition from ${RELATIONS} join pg_policy p on p.polrelid = c.oid where ${OURS}`,
  },
  {
    class: 'statistics',
    rendered: true,
    sql: `select format('%I.%I', n.nspname, s.stxname) as identity, ${definition(
      'pg_get_statisticsobjdef(s.oid)',
      field('owner', owner('s.stxowner')),
      field('target', 'nullif(s.stxstattarget, -1)'),
    )} as definition from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace
     where ${USER_SCHEMA} and ${notOfExtension('pg_statistic_ext', 's.oid')}`,
  },
]
