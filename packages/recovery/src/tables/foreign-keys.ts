import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

interface ForeignKey {
  name: string
  child: string
  parent: string
  /** Conditions in SQL: that a row refers to anything, and that `p` is what `c` refers to. */
  refers: string
  matches: string
  /** Of a rule of periods: `c` lasts no longer than all together that it refers to; SQL over the rows of `p` that match. */
  covered: string | null
}

/**
 * Every rule between one of these tables and another, or the same: of the table itself, of its partitions, and of the table it is a partition of. Rules that were
 * never validated promise nothing, and nothing is asked of them.
 */
const FOREIGN_KEYS = `
  with recursive member as (
    select t.oid, coalesce(p.relid, t.oid) as relid from unnest($1::oid[]) as t (oid) left join lateral pg_partition_tree(t.oid) p on true
  ), named as (
    select con.oid, con.conparentid from pg_constraint con where con.contype = 'f' and (con.conrelid in (select relid from member) or con.confrelid in (select relid from member))
    union
    select con.oid, con.conparentid from named join pg_constraint con on con.oid = named.conparentid
  )
  select con.conname as name, case when child.relkind = 'p' then '' else 'only ' end || con.conrelid::regclass as child,
         case when parent.relkind = 'p' then '' else 'only ' end || con.confrelid::regclass as parent,
         case when (to_jsonb(con) ->> 'conperiod')::boolean then (
           select format('c.%I operator(pg_catalog.<@) pg_catalog.range_agg(p.%I)', ours.attname, theirs.attname)
             from pg_attribute ours, pg_attribute theirs
            where ours.attrelid = con.conrelid and ours.attnum = con.conkey[array_upper(con.conkey, 1)]
              and theirs.attrelid = con.confrelid and theirs.attnum = con.confkey[array_upper(con.confkey, 1)]
         ) end as covered,
         (select '(' || string_agg(format('c.%I is not null', a.attname), case con.confmatchtype when 'f' then ' or ' else ' and ' end) || ')'
            from pg_attribute a where a.attrelid = con.conrelid and a.attnum = any (con.conkey)) as refers,
         (select string_agg(format('p.%I operator(%I.%s) c.%I', theirs.attname, n.nspname, o.oprname, ours.attname), ' and ')
            from unnest(con.conkey, con.confkey, con.conpfeqop) as k (ours, theirs, op)
            join pg_attribute ours on ours.attrelid = con.conrelid and ours.attnum = k.ours
            join pg_attribute theirs on theirs.attrelid = con.confrelid and theirs.attnum = k.theirs
            join pg_operator o on o.oid = k.op join pg_namespace n on n.oid = o.oprnamespace) as matches
    from named join pg_constraint con on con.oid = named.oid
    join pg_class child on child.oid = con.conrelid join pg_class parent on parent.oid = con.confrelid
   where con.conparentid = 0 and con.convalidated
   order by con.conrelid::regclass::text, con.conname`

/**
 * Asks whether every row still refers to one that is there: while rows are moved the server itself does not look.
 *
 * What others do meanwhile cannot slip by: whoever adds or removes a row on either side of such a rule looks at our table under a lock that waits for ours.
 *
 * @param client in the transaction that moved the rows, with pinned settings
 * @throws LifeboatError RESTORE_RULE_BROKEN
 */
export async function demandForeignKeys(client: SourceClient, oids: readonly string[]): Promise<void> {
  const { rows } = await client.query<ForeignKey>(FOREIGN_KEYS, [oids])
  const broken: string[] = []
  for (const { name, child, parent, refers, matches, covered } of rows) {
    const [from, to] = [child, parent].map((relation) => relation.replace(/^only /, ''))
    const there = `from ${parent} p where ${matches}`
    const isMet = covered === null ? `exists (select ${there})` : `coalesce((select ${covered} ${there}), false)`
    const found = await client.query<{ rows: string }>(
      `select count(*)::text as rows from ${child} c where ${refers} and not ${isMet}`,
    )
    const count = Number(found.rows[0]?.rows)
    if (count > 0)
      broken.push(`${name}: ${count} row${count === 1 ? '' : 's'} of ${from} would refer to nothing in ${to}`)
  }
  if (broken.length > 0) throw new LifeboatError('RESTORE_RULE_BROKEN', { broken })
}
