import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { SEQUENCES_OF_COLUMNS } from '@lifeboat/postgres/table-export/find-tables.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ChosenHollow } from './choose-hollow.ts'

/** Whatever is read to read these tables, as the recovered catalogues have it: toast, indexes, sequences, and the catalogues themselves. */
const FILES = `
  with recursive wanted as (
    select c.oid from unnest($1::text[], $2::text[]) as w (schema, name) join pg_namespace n on n.nspname = w.schema
      join pg_class c on c.relnamespace = n.oid and c.relname = w.name
    union
    select i.inhrelid from wanted join pg_inherits i on i.inhparent = wanted.oid
  ), heap as (
    select oid from wanted union select c.reltoastrelid from wanted join pg_class c using (oid) where c.reltoastrelid <> 0
  ), every as (
    select oid from heap union select i.indexrelid from heap join pg_index i on i.indrelid = heap.oid
    union select used.sequence from wanted join (${SEQUENCES_OF_COLUMNS}) used on used.relation = wanted.oid
    union select oid from pg_class where oid < 16384
  )
  select (select oid::text from pg_database where datname = current_database()) as database,
         array(select c.oid::regclass::text from every join pg_class c using (oid) where pg_relation_filenode(c.oid)::text = any ($3)) as hollow`

/**
 * Looks whether anything of these tables was left hollow: it would read as if it were empty. Names and files may have changed hands since the list was
 * made: tables renamed, put in the place of others, attached as partitions, moved with their database to another tablespace.
 *
 * @param client with pinned settings, in the transaction in which they will be read
 * @throws LifeboatError RECOVERY_HOLLOW
 */
export async function demandWhole(
  client: SourceClient,
  { hollow, database }: ChosenHollow,
  wanted: readonly TableRef[],
): Promise<void> {
  const { rows } = await client.query<{ database: string; hollow: string[] }>(FILES, [
    wanted.map(({ schema }) => schema),
    wanted.map(({ name }) => name),
    numbersIn(hollow.files.keys(), database),
  ])
  const [found] = rows
  if (found?.database !== database)
    throw new LifeboatError('RECOVERY_HOLLOW', {
      problem: 'the database is another one than that of the list of relations',
    })
  if (found.hollow.length > 0)
    throw new LifeboatError('RECOVERY_HOLLOW', {
      problem: `files of ${found.hollow.slice(0, 5).join(', ')} belonged to other tables before`,
    })
}

/** Whatever the tablespace: a database can be moved, and keeps the numbers. */
function numbersIn(files: Iterable<string>, database: string): string[] {
  return [...files].flatMap((file) => {
    const [, of, number] = file.split('/')
    return of === database && number !== undefined ? [number] : []
  })
}
