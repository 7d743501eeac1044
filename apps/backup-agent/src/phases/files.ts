import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { type ArchivedTree, archiveTree } from '@lifeboat/files/take/archive-tree.ts'
import { excludeExactly, excludeOptions } from '@lifeboat/files/take/patterns.ts'
import { tarCreate } from '@lifeboat/files/take/tar-create.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BackupRun } from '../backup-run.ts'
import type { FileSource } from '../config.ts'
import type { Written } from '../spool/part-writer.ts'
import type { FilesToolbox } from '../toolbox.ts'
import { encryptedInto } from './encrypted-into.ts'

export interface Pass {
  source: FilesSourceConfig
  /** Names tar begins with. */
  points: readonly Buffer[]
  tools: FilesToolbox
  /** Of the backup before, and replaced after; absent where this one is full. */
  snapshot: string
  level: number
  /** The first is 1; each has an archive and a list of its own. */
  pass: number
  /** Files too large to be taken. */
  tooLarge: readonly Buffer[]
  /** Where their patterns are written down for tar. */
  excludeFile: string
}

export interface Packed extends Pick<ArchivedTree<Written>, 'report' | 'notices'> {
  artifacts: Artifact[]
}

/**
 * One pass over the tree: its archive and the list of its members.
 *
 * @throws LifeboatError FILES_UNREADABLE | ARTIFACT_TRUNCATED | TOOL_… | SPOOL_…
 */
export async function packFiles(run: BackupRun<FileSource>, what: Pass): Promise<Packed> {
  const { source, points, tools, snapshot, pass } = what
  const excludes = [...excludeOptions(source.exclude), ...(await excludeExactly(what.tooLarge, what.excludeFile))]
  // A link that is switched meanwhile (a release) leads tar and the snapshot to the same tree all the same.
  const [root, isIncremental] = [await realpath(source.root), existsSync(snapshot)]
  const { oneFilesystem } = source
  const tar = tarCreate({
    ...{ program: tools.tar.path, root, attributes: tools.tarHasAttributes, oneFilesystem, excludes },
    ...(isIncremental && { snapshot }),
  })
  const names = namesOfPass(pass)
  const parts = run.writer(names.archive, (done) => run.report({ phase: 'files', done, unit: 'bytes' }))
  const left = what.tooLarge.map((name) => ({ notice: 'too-large' as const, name }))
  const { archive, list, report, notices, stages } = await archiveTree(
    {
      ...{ tar, points, left, level: what.level },
      ...(!isIncremental && { snapshot: { path: snapshot, root, startedMs: Date.now(), oneFilesystem } }),
      archive: encryptedInto(parts, run, tools),
      list: encryptedInto(run.writer(names.list), run, tools),
    },
    run,
  )
  const durations = stages.map(({ tool, durationMs }) => ({ tool, durationMs }))
  run.log.info({ event: 'backup.packed', pass, ...report, notices, stages: durations }, 'packed the files')
  if (source.unreadable === 'fail' && notices.unreadable)
    throw new LifeboatError('FILES_UNREADABLE', { root: source.root, ...notices.unreadable })
  return {
    ...{ report, notices },
    artifacts: [
      { name: names.archive, role: 'files', ...archive, encoding: ['tar', 'zstd', 'age'] },
      { name: names.list, role: 'members', ...list, encoding: ['jsonl', 'zstd', 'age'] },
    ],
  }
}

/** `files.tar.zst.age`; of further passes `files-2.tar.zst.age`: their order is that of the numbers. */
function namesOfPass(pass: number): { archive: ArtifactName; list: ArtifactName } {
  const stem = pass === 1 ? 'files' : `files-${pass}`
  return { archive: `${stem}.tar.zst.age` as ArtifactName, list: `${stem}.jsonl.zst.age` as ArtifactName }
}
