import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import { type Answer, failed, passed } from '../findings.ts'

const COUNTED = `
  select (select count(*)::int from pg_constraint where convalidated and contype in ('c', 'f', 'p', 'u', 'x')) as valid,
         array(select quote_ident(conname) || ' on ' || coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text)
                 from pg_constraint where not convalidated) as "notValid",
         array(select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid
                where c.relkind = 'i' and not (i.indisvalid and i.indisready)) as "brokenIndexes"`

/** Does every constraint hold, but for those the source itself never validated? PostgreSQL checked them as it restored them. */
export async function checkConstraints(
  client: Pick<SourceClient, 'query'>,
  expected: Pick<Fingerprint, 'notValid'>,
): Promise<Answer> {
  await client.query(`begin; set local search_path = pg_catalog`)
  const { rows } = await client.query<{ valid: number; notValid: string[]; brokenIndexes: string[] }>(COUNTED)
  await client.query('commit')
  const { valid = 0, notValid = [], brokenIndexes = [] } = rows[0] ?? {}
  const unexpected = notValid.filter((constraint) => !expected.notValid.includes(constraint))
  if (unexpected.length > 0) return failed(`Constraints that were valid are not: ${unexpected.join(', ')}.`)
  if (brokenIndexes.length > 0) return failed(`Indexes are not usable: ${brokenIndexes.join(', ')}.`)
  const left = expected.notValid.length === 0 ? '' : ` ${expected.notValid.length} are NOT VALID as on the source.`
  return passed(`${valid} constraints are valid and every index is usable.${left}`)
}
