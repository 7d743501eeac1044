import { rm } from 'node:fs/promises'
import { libpqEnv, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { pgRestore } from '@lifeboat/postgres/tools/pg-restore.ts'
import { BASE_ENV, type Stage } from '@lifeboat/postgres/tools/stage.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Reader } from '../fetch/reader.ts'
import { unseal } from '../fetch/unseal.ts'
import { databaseOf, fetchArchive } from './fetch-archive.ts'

/** A server that takes a dump, and as whom. */
export interface LoadingPlace {
  /** To a database that is there already; superuser. */
  connection: SourceConnection
  /** Shown in pg_stat_activity. */
  applicationName: string
}

/**
 * Runs SQL and stops at its first error.
 *
 * @throws LifeboatError SOURCE_… | TOOL_…
 */
export async function runSql(sql: string, { path }: Program, place: LoadingPlace, run: Run): Promise<void> {
  await runPipeline([psql(path, place)], drain, run, { input: textOf(sql) })
}

/** How pg_restore goes about it. */
export interface LoadOptions {
  /** As new as the pg_dump that made the archive, or newer; see `restorerMajor`. */
  program: Program
  /** More than one goes over a file in the reader's folder. */
  jobs: number
  /** Default `--create`: the archive makes the database, with the encoding, locale, owner and settings it had. */
  more?: readonly string[]
}

/**
 * Fetches and restores the database of a dump. Everything must be accepted: --exit-on-error.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED (pg_restore refused) | SOURCE_DISK_FULL | ARTIFACT_… | TARGET_… | TOOL_…
 */
export async function loadDatabase(
  reader: Reader,
  manifest: Manifest,
  place: LoadingPlace,
  opts: LoadOptions,
): Promise<void> {
  const artifact = databaseOf(manifest)
  if (opts.jobs === 1) {
    const further = [restoring(place, opts)]
    await unseal(reader, manifest, artifact, { further, sink: drain, phase: 'restore' })
    return
  }
  const file = await fetchArchive(reader, manifest, 'restore')
  try {
    await restoreArchive(file, place, opts, reader.run)
  } finally {
    await rm(file, { force: true })
  }
}

export async function restoreArchive(file: string, place: LoadingPlace, opts: LoadOptions, run: Run): Promise<void> {
  try {
    await runPipeline([restoring(place, opts, file)], drain, run)
  } catch (thrown) {
    throw asRefusal(thrown, run)
  }
}

/** Whatever made pg_restore give up, the backup could not be restored; a server without room would have refused any. @throws the reason of the run's signal */
export function asRefusal(thrown: unknown, run: Run): LifeboatError {
  run.signal.throwIfAborted()
  const err = LifeboatError.from(thrown)
  return err.facts.tool === 'pg_restore' && err.code !== 'TOOL_KILLED' && err.code !== 'SOURCE_DISK_FULL'
    ? new LifeboatError('DRILL_RESTORE_FAILED', err.facts, { cause: err })
    : err
}

/** The least major whose pg_restore reads the archive. */
export function restorerMajor(manifest: Pick<Manifest, 'tools'>, serverMajor: number): number {
  return Math.max(serverMajor, Number(/\(PostgreSQL\) (\d+)/.exec(manifest.tools.pg_dump ?? '')?.[1] ?? 0))
}

function restoring(place: LoadingPlace, { program, jobs, more = ['--create'] }: LoadOptions, file?: string): Stage {
  const { connection, applicationName } = place
  return pgRestore({
    program: program.path,
    ...{ connection, applicationName, more },
    ...(file === undefined ? {} : { file, jobs }),
  })
}

function psql(program: string, { connection, applicationName }: LoadingPlace): Stage {
  const args = ['--no-psqlrc', '--quiet', '--no-password', '--set=ON_ERROR_STOP=1', '--output=/dev/null']
  return { tool: 'psql', program, args, env: { ...BASE_ENV, ...libpqEnv(connection, applicationName) } }
}

async function* textOf(sql: string): AsyncGenerator<Buffer> {
  yield Buffer.from(sql, 'utf8')
}
