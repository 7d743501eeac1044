import { rm, writeFile } from 'node:fs/promises'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Reader } from '../fetch/reader.ts'
import { whole } from '../fetch/unseal.ts'
import { fetchArchive, type LoadingPlace, restoreArchive, runSql } from './load-dump.ts'
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
 * Restores a dump into a new database of another name, which gets everything the original had: encoding, locale, owner, settings, grants.
 *
 * The archive lies in the reader's folder meanwhile. When this throws, a database of that name may be left behind, half filled.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED | SOURCE_… | ARTIFACT_… | TARGET_… | TOOL_…
 */
export async function loadBeside(
  reader: Reader,
  manifest: Manifest & OfServer,
  place: LoadingPlace,
  { name, pgRestore: program, psql, jobs }: BesideOptions,
): Promise<void> {
  const { run } = reader
  const archive = await fetchArchive(reader, manifest, 'fetch')
  try {
    const script = await databaseScript(archive, program, run)
    await runSql(renameDatabase(script, manifest.database, name), psql, place, run)
    const into = { ...place, connection: { ...place.connection, database: name } }
    const restoring = restoreArchive(archive, into, { program, jobs, more: [] }, run)
    const totalBytes = manifest.summary.databaseBytes
    await reportGrowth(restoring, { ...place, database: name, totalBytes }, run)
  } finally {
    await rm(archive, { force: true })
  }
}

/** NOTE without --create the table of contents leaves out what is about the database. */
async function databaseScript(archive: string, { path }: Program, run: Run): Promise<string> {
  const asked = async (args: readonly string[]) => {
    const stage = { tool: 'pg_restore', program: path, args: [...args, archive], env: BASE_ENV }
    return (await runPipeline([stage], whole, run)).result
  }
  const list = `${archive}.list`
  await writeFile(list, `${databaseEntries(await asked(['--create', '--list']))}\n`, { mode: 0o600 })
  try {
    return await asked(['--create', `--use-list=${list}`, '--file=-'])
  } finally {
    await rm(list, { force: true })
  }
}
