import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { askArchive, choosing } from './archive-list.ts'
import type { ComingArchive } from './fetch-archive.ts'
import { loadArchive } from './load-archive.ts'
import { type LoadingPlace, runSql } from './load-dump.ts'
import { databaseEntries, renameDatabase } from './rename-database.ts'
import { reportGrowth } from './report-growth.ts'

export interface BesideOptions {
  /** Of the new database; there must be none of this name. */
  name: string
  pgRestore: Program
  psql: Program
  jobs: number
}

/**
 * Restores a dump into a new database of another name, which gets everything the original had: encoding, locale, owner, settings, grants. It is
 * there before the last of the archive is.
 *
 * When this throws, a database of that name may be left behind, half filled.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED | SOURCE_… | ARTIFACT_… | TARGET_… | TOOL_…
 */
export async function loadBeside(
  archive: ComingArchive,
  manifest: Manifest & OfServer,
  place: LoadingPlace,
  { name, pgRestore, psql, jobs }: BesideOptions,
  run: Run,
): Promise<void> {
  await archive.listed()
  const script = await databaseScript(archive.path, pgRestore, run)
  await runSql(renameDatabase(script, manifest.database, name), psql, place, run)
  const into = { ...place, connection: { ...place.connection, database: name } }
  const how = { pgRestore, jobs, encoding: manifest.server.encoding }
  const totalBytes = manifest.summary.databaseBytes
  const loading = loadArchive(archive, into, how, run)
  // Until then it is told how much has come.
  await Promise.race([loading, archive.whole()]).catch(() => {})
  await reportGrowth(loading, { ...place, database: name, totalBytes }, run)
}

/** NOTE without --create the table of contents leaves out what is about the database. */
async function databaseScript(archive: string, program: Program, run: Run): Promise<string> {
  const list = await askArchive(archive, ['--create', '--list'], program, run)
  const script = (chosen: string) => askArchive(archive, ['--create', chosen, '--file=-'], program, run)
  return choosing(archive, [databaseEntries(list)], script)
}
