import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { pgDumpGlobals } from '@lifeboat/postgres/tools/pg-dumpall.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BackupRun } from '../backup-run.ts'
import type { DumpPlan } from '../plan.ts'
import type { Toolbox } from '../toolbox.ts'
import { sealText } from './seal-text.ts'

/** pg_dumpall's own last line; without it the roles are not all there. */
const LAST_LINE = '-- PostgreSQL database cluster dump complete'

/**
 * Roles, memberships, tablespaces and role settings. A few kilobytes, so they are looked at whole before they are sealed.
 *
 * NOTE roles belong to no snapshot; they are read right after the dump began.
 *
 * @throws LifeboatError SOURCE_RIGHTS_MISSING | TOOL_FAILED | ARTIFACT_TRUNCATED
 */
export async function dumpGlobals(run: BackupRun, plan: DumpPlan, tools: Toolbox): Promise<Artifact> {
  const stage = pgDumpGlobals({
    program: tools.pgDumpall.path,
    connection: run.source.connection,
    applicationName: `${run.applicationName} globals`,
    lockTimeoutMs: plan.lockTimeoutMs,
    rolePasswords: plan.rolePasswords,
  })
  const { result: sql, stages } = await runPipeline([stage], textOf, run)
  if (!sql.includes(LAST_LINE))
    throw new LifeboatError('ARTIFACT_TRUNCATED', { tool: stage.tool, bytes: sql.length, stderr: stages[0]?.stderr })
  return sealText(run, tools, { name: plan.artifacts.globals, role: 'globals', text: sql, from: stage.encoding ?? '' })
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
