import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const LIBRARIES = `
  select distinct probin as library, (select setting from pg_config where name = 'PKGLIBDIR') as folder
    from pg_proc where probin is not null`

/** Versions a collation had when its indexes were built, beside those this machine has. */
const COLLATIONS = `
  select 'the database' as collation, datcollversion as built, pg_database_collation_actual_version(oid) as here
    from pg_database where datname = current_database()
  union all
  select c.collname, c.collversion, pg_collation_actual_version(c.oid)
    from pg_collation c where c.collversion is not null
     and exists (select from pg_depend d where d.refclassid = 'pg_collation'::regclass and d.refobjid = c.oid)`

/**
 * A copy of files wants the machine it was made on: the libraries of its extensions, and collations that sort as they did when the indexes were
 * built. What differs here says nothing about the copy, and makes answers about it worthless.
 *
 * @throws LifeboatError DRILL_MACHINE_UNLIKE
 */
export async function demandAlikeMachine(client: Pick<SourceClient, 'query'>, database: string): Promise<void> {
  const { rows: libraries } = await client.query<{ library: string; folder: string }>(LIBRARIES)
  const missing: string[] = []
  for (const { library, folder } of libraries)
    if (!(await isThere(library.replace('$libdir', folder), folder))) missing.push(library.replace('$libdir/', ''))
  if (missing.length > 0)
    throw new LifeboatError('DRILL_MACHINE_UNLIKE', {
      ...{ problem: `this machine has no library ${missing.join(', ')}`, database, missing },
    })
  const { rows: collations } = await client.query<{ collation: string; built: string | null; here: string | null }>(
    COLLATIONS,
  )
  const other = collations.find(({ built, here }) => built !== null && built !== here)
  if (other)
    throw new LifeboatError('DRILL_MACHINE_UNLIKE', {
      problem: `the collation of ${other.collation} was built with version ${other.built}, and this machine has ${other.here}`,
      database,
    })
}

async function isThere(library: string, folder: string): Promise<boolean> {
  const path = library.startsWith('/') ? library : join(folder, library)
  const found = await Promise.all(
    [path, `${path}.so`, `${path}.dylib`].map((each) =>
      access(each).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}
