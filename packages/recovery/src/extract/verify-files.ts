import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { orProgramsDiskFull } from '../disk-full.ts'
import type { Extracted } from './extract-backup.ts'

/**
 * Asks pg_verifybackup whether every file is the one the server sent, and whether the WAL inside can be read from start to end.
 *
 * @throws LifeboatError RECOVERY_FILES_DAMAGED | TOOL_…
 */
export async function verifyFiles(
  { dataDir }: Extracted,
  tools: PostgresTools,
  run: Run,
): Promise<{ versionLine: string }> {
  const { path, versionLine } = await tools.program('pg_verifybackup')
  const stage = { tool: 'pg_verifybackup', program: path, args: ['--exit-on-error', dataDir], env: BASE_ENV }
  await runPipeline([stage], drain, run).catch((thrown: unknown) => {
    run.signal.throwIfAborted()
    throw asDamaged(LifeboatError.from(thrown), 'RECOVERY_FILES_DAMAGED')
  })
  return { versionLine }
}

/** A program that was killed, is not there, or had no room says nothing about the files. */
export function asDamaged(
  err: LifeboatError,
  code: 'RECOVERY_FILES_DAMAGED' | 'RECOVERY_COMBINE_FAILED',
): LifeboatError {
  if (err.code === 'TOOL_MISSING' || err.code === 'TOOL_KILLED' || err.facts.tool === undefined) return err
  const full = orProgramsDiskFull(err)
  if (full !== err) return full
  return new LifeboatError(code, err.facts, { cause: err })
}
