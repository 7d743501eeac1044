import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { copyStatement, fileEncoding, QUERY_PATH } from '@lifeboat/postgres/table-export/copy.ts'
import { copyRows } from '@lifeboat/postgres/table-export/copy-rows.ts'
import { zstd } from '@lifeboat/postgres/tools/zstd.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRun } from '../backup-run.ts'
import type { BaseToolbox } from '../toolbox.ts'
import { sealedEncoding } from './dump.ts'
import { encryptedInto } from './encrypted-into.ts'
import type { MeasuredSet } from './measure-sets.ts'
import { asMissing, type OpenExport } from './open-export.ts'

export interface ExportPlan {
  compressionLevel: number
  onBytes: (total: number) => void
}

/**
 * Writes one table as CSV, straight into parts.
 *
 * @throws LifeboatError SOURCE_RIGHTS_MISSING | SOURCE_TABLE_MISSING | SOURCE_CONNECTION_LOST | TOOL_FAILED | TOOL_KILLED | SPOOL_…
 */
export async function exportSet(
  run: BackupRun,
  open: OpenExport,
  set: MeasuredSet,
  tools: BaseToolbox,
  plan: ExportPlan,
): Promise<Artifact> {
  const stages = [zstd({ program: tools.zstd.path, level: plan.compressionLevel })]
  const sink = encryptedInto(run.writer(set.artifact, plan.onBytes), run, tools)
  const { result } = await runPipeline(stages, sink, run, { input: rowsOf(run, open, set) })
  return {
    name: set.artifact,
    role: 'table',
    ...result,
    encoding: ['COPY (FORMAT csv, HEADER)', ...sealedEncoding(stages)],
  }
}

async function* rowsOf(run: BackupRun, { client, server }: OpenExport, set: MeasuredSet): AsyncGenerator<Uint8Array> {
  try {
    if (set.query !== undefined) await client.query(`set local search_path = ${QUERY_PATH}`)
    yield* copyRows(client, copyStatement(set, fileEncoding(server.encoding)))
    if (set.query !== undefined) await client.query('set local search_path = pg_catalog')
  } catch (thrown) {
    run.signal.throwIfAborted()
    throw asMissing(thrown, { table: set.title })
  }
}
