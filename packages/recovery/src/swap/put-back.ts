import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { asideName, asideOf } from './aside-names.ts'
import { holdDatabase } from './hold-database.ts'
import { type Swapped, swapDatabases } from './swap-databases.ts'

/**
 * Undoes a replacement: the database that was put aside last has its name again, and the present one, if there is one, is put aside.
 *
 * @param opts.back nothing but this one, which was the last
 * @throws LifeboatError RECOVERY_NOTHING_ASIDE | RECOVERY_SWAP_BLOCKED | RECOVERY_UNDER_WAY | SOURCE_…
 */
export async function revertReplaced(
  server: SourceConnection,
  database: string,
  {
    drainMs,
    run,
    aside = asideName(database, 'reverted', Date.now()),
    back,
  }: { drainMs: number; run: Pick<Run, 'signal'>; aside?: string | undefined; back?: string },
): Promise<Partial<Swapped> & { back: string }> {
  await using _held = await holdDatabase(server, database)
  const newest = (await putAside(server, database)).find(({ why }) => why === 'before')
  if (!newest || (back !== undefined && newest.name !== back))
    throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { database })
  const swapped = await swapDatabases(server, { live: database, next: newest.name, aside, drainMs }, run)
  return { ...swapped, back: newest.name }
}

/**
 * Lets go of everything that was put aside of this database, for good.
 *
 * @param opts.untilMs only of what had been put aside by then
 * @returns what was dropped
 * @throws LifeboatError RECOVERY_NOTHING_ASIDE | RECOVERY_UNDER_WAY | SOURCE_…
 */
export async function releaseReplaced(
  server: SourceConnection,
  database: string,
  { untilMs = Number.POSITIVE_INFINITY }: { untilMs?: number } = {},
): Promise<string[]> {
  await using _held = await holdDatabase(server, database)
  const aside = (await putAside(server, database)).filter(({ atMs }) => atMs <= untilMs)
  if (aside.length === 0) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { database })
  await using client = await connectSource(server, SESSION)
  for (const { name } of aside) await client.query(`drop database ${quoteIdent(name)}`)
  return aside.map(({ name }) => name)
}

const SESSION = { applicationName: 'lifeboat recover', lockTimeoutMs: 60_000 }

async function putAside(server: SourceConnection, database: string) {
  await using client = await connectSource(server, SESSION)
  const { rows } = await client.query<{ name: string }>('select datname as name from pg_database')
  return asideOf(
    database,
    rows.map(({ name }) => name),
  )
}
