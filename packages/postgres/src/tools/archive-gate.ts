import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { ArchiveReport } from '../archive/archive-check.ts'
import { ownProgram } from './own-program.ts'
import type { Stage, StageReceipt } from './stage.ts'

const TOOL = 'archive-gate'

/** Goes right after pg_dump: lets its archive pass unchanged and notices when it is not complete. */
export function archiveGate(): Stage {
  return { tool: TOOL, ...ownProgram(new URL('../archive/gate-main.ts', import.meta.url)), reports: true, encoding: '' }
}

/**
 * What the gate found, when the pipeline has run.
 *
 * @param tables that must be in the archive: those of the snapshot
 * @throws LifeboatError ARTIFACT_TRUNCATED – pg_dump exited 0, and yet a block, its end or a whole table is missing
 */
export function acceptArchive(
  receipts: readonly StageReceipt[],
  tables: readonly { schema: string; name: string }[],
): ArchiveReport {
  const receipt = receipts.find(({ tool }) => tool === TOOL)
  const report = ArchiveReport.parse(JSON.parse(receipt?.report ?? 'null'))
  const tool = receipts[0]
  const facts = { tool: tool?.tool, bytes: report.bytes, stderr: tool?.stderr.slice(-2000) }
  if (report.problem !== undefined) throw new LifeboatError('ARTIFACT_TRUNCATED', { ...facts, problem: report.problem })
  const there = new Set(report.tables.map(({ schema, name }) => JSON.stringify([schema, name])))
  const absent = tables.filter(({ schema, name }) => !there.has(JSON.stringify([schema, name])))
  if (absent.length === 0) return report
  const names = absent.slice(0, 20).map(({ schema, name }) => `${schema}.${name}`)
  throw new LifeboatError('ARTIFACT_TRUNCATED', {
    ...facts,
    problem: `${absent.length} tables are not in it`,
    tables: names,
  })
}
