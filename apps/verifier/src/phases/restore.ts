import { createWriteStream } from 'node:fs'
import { rm, statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { libpqEnv } from '@lifeboat/postgres/connection.ts'
import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { findPostgresTools, type Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { pgRestore } from '@lifeboat/postgres/tools/pg-restore.ts'
import { BASE_ENV, type Stage } from '@lifeboat/postgres/tools/stage.ts'
import { unseal } from '@lifeboat/recovery/fetch/unseal.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { type Asked, passed, skipped } from '../findings.ts'
import { readerOf } from '../reader.ts'
import { MAINTENANCE_DATABASE } from './boot.ts'
import { artifactOf, type Opened } from './decrypt.ts'
import { fitGlobals } from './fit-globals.ts'
import { planRestore } from './plan-restore.ts'

const APPLICATION = 'lifeboat drill'

/** Roles and tablespaces, with the first error fatal. */
export async function restoreGlobals(drill: Drill, scratch: ScratchServer, opened: Opened): Promise<void> {
  await drill.findings.ask({ check: 'globals' }, async (): Promise<Asked<undefined>> => {
    if (opened.globals === undefined) return { value: undefined, ...skipped('The backup carries no globals.') }
    const superuser = opened.fingerprint.bootstrapRole
    const sql = await fitGlobals(opened.globals, { superuser, folderOf: (no) => scratch.tablespaceFolder(no) })
    const psql = await program(drill, scratch, 'psql', scratch.major)
    await onScratch(drill, scratch, async () => {
      await runPipeline([psqlStage(psql, scratch)], drain, drill.run, { input: textOf(sql) })
    })
    const roles = sql.match(/^CREATE ROLE /gm)?.length ?? 0
    return {
      value: undefined,
      ...passed(`All globals were accepted, ${roles} roles besides the superuser among them.`),
    }
  })
}

/**
 * The database itself, made by the archive with the encoding, locale, owner and settings it had.
 *
 * Everything must be accepted: --exit-on-error. The program has to be as new as the one that made the archive.
 */
export async function restoreDatabase(drill: Drill, scratch: ScratchServer, manifest: Manifest): Promise<void> {
  await drill.findings.ask({ check: 'restore' }, async (): Promise<Asked<undefined>> => {
    const artifact = artifactOf(manifest, 'database')
    if (!artifact) throw new LifeboatError('ARTIFACT_PART_MISSING', { problem: 'the manifest lists no database' })
    const dumpedBy = Number(/\(PostgreSQL\) (\d+)/.exec(manifest.tools.pg_dump ?? '')?.[1] ?? 0)
    const restorer = await program(drill, scratch, 'pg_restore', Math.max(scratch.major, dumpedBy))
    const { bavail, bsize } = await statfs(drill.workDir)
    const plan = planRestore({
      databaseBytes: manifest.summary.databaseBytes,
      freeBytes: bavail * bsize,
      cores: availableParallelism(),
    })
    await onScratch(drill, scratch, () =>
      plan.jobs === 1
        ? restoreStreaming(drill, scratch, manifest, artifact, restorer)
        : restoreInParallel(drill, scratch, manifest, artifact, restorer, plan.jobs),
    )
    return { value: undefined, ...passed(`pg_restore accepted everything; ${plan.reason}`) }
  })
}

function restoreStreaming(drill: Drill, scratch: ScratchServer, of: Manifest, artifact: Artifact, { path }: Program) {
  return unseal(readerOf(drill), of, artifact, { further: [stage(scratch, path)], sink: drain, phase: 'restore' })
}

/** Parallel jobs want to seek, so the archive goes to disk first. */
async function restoreInParallel(
  drill: Drill,
  scratch: ScratchServer,
  of: Manifest,
  artifact: Artifact,
  { path }: Program,
  jobs: number,
) {
  const file = join(drill.workDir, 'archive')
  const sink = (bytes: AsyncIterable<Uint8Array>) => pipeline(bytes, createWriteStream(file, { mode: 0o600 }))
  await unseal(readerOf(drill), of, artifact, { sink, phase: 'restore' })
  try {
    await runPipeline([stage(scratch, path, { file, jobs })], drain, drill.run)
  } catch (thrown) {
    drill.run.signal.throwIfAborted()
    const err = LifeboatError.from(thrown)
    throw err.facts.tool === 'pg_restore' && err.code !== 'TOOL_KILLED'
      ? new LifeboatError('DRILL_RESTORE_FAILED', err.facts, { cause: err })
      : err
  } finally {
    await rm(file, { force: true })
  }
}

function stage(scratch: ScratchServer, path: string, from: { file?: string; jobs?: number } = {}): Stage {
  const connection = scratch.connection(MAINTENANCE_DATABASE)
  return pgRestore({ program: path, connection, applicationName: APPLICATION, more: ['--create'], ...from })
}

function psqlStage({ path }: Program, scratch: ScratchServer): Stage {
  const args = ['--no-psqlrc', '--quiet', '--no-password', '--set=ON_ERROR_STOP=1', '--output=/dev/null']
  return {
    tool: 'psql',
    program: path,
    args,
    env: { ...BASE_ENV, ...libpqEnv(scratch.connection(MAINTENANCE_DATABASE), APPLICATION) },
  }
}

async function program(
  drill: Drill,
  scratch: ScratchServer,
  tool: 'psql' | 'pg_restore',
  major: number,
): Promise<Program> {
  const tools = major === scratch.major ? scratch.tools : await findPostgresTools(major, [tool], drill.deps)
  const found = await tools.program(tool)
  drill.tools[tool] = found.versionLine
  return found
}

/** A refusal while the scratch server died or its disk ran full says nothing about the copy. */
async function onScratch(drill: Drill, scratch: ScratchServer, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    drill.run.signal.throwIfAborted()
    const trouble = await scratch.trouble()
    if (trouble) throw trouble
    const err = LifeboatError.from(thrown)
    const refused = err.facts.tool === 'psql' && err.code !== 'TOOL_KILLED' && err.code !== 'TOOL_MISSING'
    throw refused ? new LifeboatError('DRILL_RESTORE_FAILED', err.facts, { cause: err }) : err
  }
}

async function* textOf(sql: string): AsyncGenerator<Buffer> {
  yield Buffer.from(sql, 'utf8')
}
