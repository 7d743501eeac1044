import { join } from 'node:path'
import { startingPoints } from '@lifeboat/files/take/starting-points.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { AttemptDeps, Taken, Work } from './attempt-backup.ts'
import type { BackupRun } from './backup-run.ts'
import type { FileSource } from './config.ts'
import { packFiles } from './phases/files.ts'
import { demandRoot } from './phases/inspect-files.ts'
import { findFilesToolbox, versionLines } from './toolbox.ts'

/** A tree of files, or what changed in it since an earlier backup. */
export async function takeFiles(
  run: BackupRun<FileSource>,
  { clock }: AttemptDeps,
  { source: { files: source }, policy, spooled }: Work<FileSource>,
): Promise<Taken> {
  run.enter('inspect')
  await demandRoot(source.root)
  const points = await startingPoints(source.root, source.include)
  const tools = await findFilesToolbox(run.search)
  const snapshotAt = moment(clock.now())
  run.enter('files')
  const snapshot = join(spooled.folder, 'tree.snar.partial')
  const pass = await packFiles(run, { source, points, tools, snapshot, level: policy.compressionLevel, pass: 1 })
  const { files, folders, links, bytes } = pass.report
  return {
    ...{ snapshotAt, tools: versionLines(tools) },
    summary: { tables: null, rows: null, databaseBytes: bytes },
    files: { root: source.root, files, folders, links, bytes, passes: 1, chain: 0, notices: pass.notices },
    artifacts: pass.artifacts,
  }
}
