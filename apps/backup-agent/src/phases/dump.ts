import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { acceptArchive, archiveGate } from '@lifeboat/postgres/tools/archive-gate.ts'
import { pgDump } from '@lifeboat/postgres/tools/pg-dump.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'
import { zstd } from '@lifeboat/postgres/tools/zstd.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRun } from '../backup-run.ts'
import type { DumpPlan } from '../plan.ts'
import type { Toolbox } from '../toolbox.ts'
import { encryptedInto } from './encrypted-into.ts'
import type { Snapshot } from './inspect.ts'

/**
 * Dumps the database in the snapshot, straight into parts.
 *
 * @throws LifeboatError SOURCE_LOCKED | SOURCE_RIGHTS_MISSING | SOURCE_CONNECTION_LOST | TOOL_FAILED | TOOL_KILLED | ARTIFACT_TRUNCATED | SPOOL_…
 */
export async function dumpDatabase(
  run: BackupRun,
  snapshot: Snapshot,
  plan: DumpPlan,
  tools: Toolbox,
): Promise<Artifact> {
  const { where, level } = plan.compression
  const dump = pgDump({
    program: tools.pgDump.path,
    connection: run.source.connection,
    applicationName: `${run.applicationName} dump`,
    snapshot: snapshot.name,
    lockTimeoutMs: plan.lockTimeoutMs,
    zstdLevel: where === 'inside' ? level : undefined,
  })
  const compress = where === 'program' ? [zstd({ program: tools.zstd.path, level })] : []
  const stages = [dump, archiveGate(), ...compress]
  const name = plan.artifacts.database
  const parts = run.writer(name, (done) => run.report({ phase: 'dump', done, unit: 'bytes' }))
  const accept = (receipts: Parameters<typeof acceptArchive>[0]) => void acceptArchive(receipts, snapshot.tables)
  const { result, stages: receipts } = await runPipeline(stages, encryptedInto(parts, run, tools), run, { accept })
  run.log.info(
    { event: 'backup.dumped', bytes: result.bytes, stages: receipts.map(withoutReport) },
    'dumped the database',
  )
  return { name, role: 'database', ...result, encoding: sealedEncoding(stages) }
}

/** What was made of the contents, in order, the encryption last. */
export function sealedEncoding(stages: readonly Stage[]): string[] {
  return [...stages.map(({ encoding, tool }) => encoding ?? tool).filter((text) => text !== ''), 'age']
}

function withoutReport({ report: _report, ...receipt }: { report?: string }): object {
  return receipt
}
