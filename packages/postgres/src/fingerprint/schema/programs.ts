import {
  collationName,
  definition,
  field,
  grants,
  notOfExtension,
  owner,
  routine,
  typeName,
  USER_SCHEMA,
} from './fragments.ts'
import type { SchemaQuery } from './schema-query.ts'

/** Routines, types, operators: what SQL in this database can call. */
export const PROGRAM_QUERIES: readonly SchemaQuery[] = [
  {
    class: 'functions',
    sql: functions(`p.prokind <> 'a' and p.prosqlbody is null`),
  },
  {
    class: 'sql-body functions',
    rendered: true,
    sql: functions(`p.prokind <> 'a' and p.prosqlbody is not null`),
  },
  {
    class: 'aggregates',
    sql: `select p.oid::regprocedure::text as identity, ${definition(
      field('owner', owner('p.proowner')),
      field('grants', grants('f', 'p.proacl', 'p.proowner')),
      field('arguments', 'pg_get_function_arguments(p.oid)'),
      field('parallel', 'p.proparallel'),
      field('kind', 'a.aggkind'),
      field('transition', routine('a.aggtransfn')),
      field('final', routine('a.aggfinalfn')),
      field('combine', routine('a.aggcombinefn')),
      field('serial', routine('a.aggserialfn')),
      field('deserial', routine('a.aggdeserialfn')),
      field(
        'moving',
        `concat_ws(',', ${routine('a.aggmtransfn')}, ${routine('a.aggminvtransfn')}, ${routine('a.aggmfinalfn')}, nullif(a.aggmtranstype, 0)::regtype, a.aggminitval)`,
      ),
      field(
        'modify',
        `a.aggfinalextra || '/' || a.aggmfinalextra || '/' || a.aggfinalmodify::text || '/' || a.aggmfinalmodify::text`,
      ),
      field('sort operator', 'nullif(a.aggsortop, 0)::regoperator::text'),
      field('state', 'a.aggtranstype::regtype'),
      field('initial', 'a.agginitval'),
    )} as definition from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_aggregate a on a.aggfnoid = p.oid
     where ${USER_SCHEMA} and ${notOfExtension('pg_proc', 'p.oid')}`,
  },
  {
    class: 'types',
    rendered: true,
    // No row types of tables, no arrays, no multiranges: they come with what they belong to.
    sql: `select t.oid::regtype::text as identity, ${definition(
      field('kind', 't.typtype'),
      field('owner', owner('t.typowner')),
      field('grants', grants('T', 't.typacl', 't.typowner')),
      field(
        'labels',
        `(select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum where enumtypid = t.oid)`,
      ),
      field(
        'attributes',
        `(select string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), ${collationName('nullif(a.attcollation, at.typcollation)')}), ',' order by a.attnum)
        from pg_attribute a join pg_type at on at.oid = a.atttypid where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)`,
      ),
      field('domain of', `case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end`),
      field('not null', 'nullif(t.typnotnull, false)'),
      field('default', 't.typdefault'),
      field('collation', `case when t.typtype = 'd' then ${collationName('t.typcollation')} end`),
      field(
        'checks',
        `(select string_agg(quote_ident(conname) || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated, E'\\n' order by conname collate "C") from pg_constraint where contypid = t.oid and contype = 'c')`,
      ),
      field(
        'range',
        `(select concat_ws(' ', rngsubtype::regtype, rngmultitypid::regtype, ${collationName('rngcollation')}, ${routine('rngcanonical')}, ${routine('rngsubdiff')},
        (select format('%I.%I', on_.nspname, oc.opcname) from pg_opclass oc join pg_namespace on_ on on_.oid = oc.opcnamespace where oc.oid = rngsubopc)) from pg_range where rngtypid = t.oid)`,
      ),
      field(
        'base',
        `case when t.typtype = 'b' then concat_ws(' ', ${routine('t.typinput')}, ${routine('t.typoutput')}, ${routine('t.typreceive')}, ${routine('t.typsend')}, t.typlen, t.typalign, t.typstorage, t.typcategory, t.typdelim) end`,
      ),
    )} as definition from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
     where ${USER_SCHEMA} and ${notOfExtension('pg_type', 't.oid')} and t.typtype <> 'm' and (c.oid is null or c.relkind = 'c')
       and not exists (select from pg_type element where element.typarray = t.oid)`,
  },
  {
    class: 'operators',
    sql: `select o.oid::regoperator::text as identity, ${definition(
      field('owner', owner('o.oprowner')),
      field('function', routine('o.oprcode')),
      field('result', 'o.oprresult::regtype'),
      field('commutator', 'nullif(o.oprcom, 0)::regoperator::text'),
      field('negator', 'nullif(o.oprnegate, 0)::regoperator::text'),
      field('restrict', routine('o.oprrest')),
      field('join', routine('o.oprjoin')),
      field('hashes', 'o.oprcanhash'),
      field('merges', 'o.oprcanmerge'),
    )} as definition from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
     where ${USER_SCHEMA} and o.oprcode <> 0 and ${notOfExtension('pg_operator', 'o.oid')}`,
  },
  {
    class: 'operator classes',
    sql: `select identity.identity, ${definition(
      field('owner', owner('o.opcowner')),
      field('for', typeName('o.opcintype')),
      field('default', 'o.opcdefault'),
      field('storage', 'nullif(o.opckeytype, 0)::regtype'),
      field(
        'family',
        `(select format('%I.%I', fn.nspname, f.opfname) from pg_opfamily f join pg_namespace fn on fn.oid = f.opfnamespace where f.oid = o.opcfamily)`,
      ),
    )} as definition from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace,
      lateral pg_identify_object('pg_opclass'::regclass, o.oid, 0) as identity
     where ${USER_SCHEMA} and ${notOfExtension('pg_opclass', 'o.oid')}`,
  },
  {
    class: 'operator families',
    sql: `select identity.identity, ${definition(
      field('owner', owner('f.opfowner')),
      field(
        'operators',
        `(select string_agg(concat_ws(' ', amopstrategy, amopopr::regoperator, amoppurpose, amopsortfamily::regclass), ',' order by amopstrategy, amopopr::regoperator::text collate "C") from pg_amop where amopfamily = f.oid)`,
      ),
      field(
        'functions',
        `(select string_agg(concat_ws(' ', amprocnum, format_type(amproclefttype, null), format_type(amprocrighttype, null), amproc), ',' order by amprocnum, amproc::text collate "C", amproclefttype::regtype::text collate "C", amprocrighttype::regtype::text collate "C") from pg_amproc where amprocfamily = f.oid)`,
      ),
    )} as definition from pg_opfamily f join pg_namespace n on n.oid = f.opfnamespace,
      lateral pg_identify_object('pg_opfamily'::regclass, f.oid, 0) as identity
     where ${USER_SCHEMA} and ${notOfExtension('pg_opfamily', 'f.oid')}`,
  },
  {
    class: 'casts',
    sql: `select format('%s as %s', format_type(c.castsource, null), format_type(c.casttarget, null)) as identity, ${definition(
      field('function', routine('c.castfunc')),
      field('context', 'c.castcontext'),
      field('method', 'c.castmethod'),
    )} as definition from pg_cast c where c.oid >= 16384 and ${notOfExtension('pg_cast', 'c.oid')}`,
  },
  {
    class: 'conversions',
    sql: `select format('%I.%I', n.nspname, c.conname) as identity, ${definition(
      field('owner', owner('c.conowner')),
      field('from', 'pg_encoding_to_char(c.conforencoding)'),
      field('to', 'pg_encoding_to_char(c.contoencoding)'),
      field('function', 'c.conproc::regprocedure'),
      field('default', 'c.condefault'),
    )} as definition from pg_conversion c join pg_namespace n on n.oid = c.connamespace
     where ${USER_SCHEMA} and ${notOfExtension('pg_conversion', 'c.oid')}`,
  },
  {
    class: 'collations',
    // The version of the library is a fact about the machine, not about the database.
    sql: `select c.oid::regcollation::text as identity, ((to_jsonb(c) - '{oid,collname,collnamespace,collowner,collversion}'::text[]) || jsonb_build_object('owner', pg_get_userbyid(c.collowner)))::text as definition
      from pg_collation c join pg_namespace n on n.oid = c.collnamespace where ${USER_SCHEMA} and ${notOfExtension('pg_collation', 'c.oid')}`,
  },
]

function functions(which: string): string {
  return `select p.oid::regprocedure::text as identity, ${definition(
    'pg_get_functiondef(p.oid)',
    field('owner', owner('p.proowner')),
    field('grants', grants('f', 'p.proacl', 'p.proowner')),
  )} as definition from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where ${which} and ${USER_SCHEMA} and ${notOfExtension('pg_proc', 'p.oid')}`
}
