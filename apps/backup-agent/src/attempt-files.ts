import { join } from 'node:path'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { NAMED_PATHS } from '@lifeboat/files/gate/archive-gate.ts'
import { startingPoints } from '@lifeboat/files/take/starting-points.ts'
import { treeDigest } from '@lifeboat/files/take/tree-digest.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { FilesFacts } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Announcing, AttemptDeps, Taken, Unchanged, Work } from './attempt-backup.ts'
import type { BackupRun } from './backup-run.ts'
import type { FileSource } from './config.ts'
import type { Packed } from './phases/files.ts'
import { demandRoot } from './phases/inspect-files.ts'
import { packPasses } from './phases/pack-passes.ts'
import { findFilesToolbox, versionLines } from './toolbox.ts'
import { chooseFilesParent, type FilesChoice } from './trees/choose-files-parent.ts'
import { type SnapshotShelf, selectionOf, snapshotShelf } from './trees/snapshot-shelf.ts'

/** Snapshots of a source that stay for later backups: the newest backup is not always a good one. */
const KEPT_SNAPSHOTS = 8

/** A tree of files, or what changed in it since an earlier backup; nothing, where changes are watched for and there is none. */
export async function takeFiles(
  run: BackupRun<FileSource>,
  deps: AttemptDeps,
  work: Announcing<FileSource>,
): Promise<Taken | Unchanged> {
  const { files: source } = work.source
  const { backupId, sourceId } = work.spooled.attempt
  run.enter('inspect')
  await demandRoot(source.root)
  const points = await startingPoints(source.root, source.include)
  if (points.length === 0)
    throw new LifeboatError('FILES_NOTHING_INCLUDED', { root: source.root, include: source.include })
  const tools = await findFilesToolbox(run.search)
  const shelf = await snapshotShelf(deps.spool.path, sourceId)
  const selection = selectionOf(source, points)
  const choice = await choose(deps, work, shelf, selection)
  const { parent, chain, fullBecause } = planOf(choice)
  const digest = work.policy.schedule.onChange && (await treeDigest(source, points, run.signal))
  const snapshotAt = moment(deps.clock.now())
  if (parent && digest !== undefined && digest === (await shelf.digestOf(parent)))
    return { unchanged: parent, unchangedAt: snapshotAt }
  await work.announce()
  run.log.info({ event: 'backup.planned', parent, chain: chain.length, fullBecause }, 'decided how to take the backup')
  run.enter('files')
  const passes = await packPasses(run, {
    ...{ source, points, tools, level: work.policy.compressionLevel },
    snapshot: await shelf.draft(backupId, parent),
    excludeFile: join(work.spooled.folder, 'too-large.partial'),
  })
  await shelf.keep(backupId, selection, digest)
  await shelf.prune(KEPT_SNAPSHOTS)
  const basis = { chain: chain.length, ...(parent && { parent }), ...(fullBecause !== undefined && { fullBecause }) }
  const files = { root: source.root, ...basis, ...factsOf(passes) }
  return {
    ...{ snapshotAt, tools: versionLines(tools), files },
    summary: { tables: null, rows: null, databaseBytes: files.bytes },
    artifacts: passes.flatMap(({ artifacts }) => artifacts),
    recovery: { chain },
  }
}

async function choose(
  deps: AttemptDeps,
  work: Work<FileSource>,
  shelf: SnapshotShelf,
  selection: string,
): Promise<FilesChoice> {
  const { sourceId, targets } = work.spooled.attempt
  const catalog = await KvCatalog.open(deps.bus)
  return chooseFilesParent({
    records: await Array.fromAsync(catalog.all({ sourceId })),
    ...{ targets, maxChain: work.policy.files.maxChain, selection, kept: await shelf.known(), nowMs: deps.clock.now() },
  })
}

function planOf(choice: FilesChoice) {
  if (choice.parent === undefined) return { chain: [], fullBecause: choice.fullBecause }
  return { parent: choice.parent.backupId, chain: choice.chain }
}

/** Each pass holds every folder, and of files only what changed since the one before. */
function factsOf(
  passes: readonly Packed[],
): Pick<FilesFacts, 'files' | 'folders' | 'links' | 'bytes' | 'passes' | 'notices'> {
  const total = (of: 'files' | 'links' | 'bytes') => passes.reduce((sum, { report }) => sum + report[of], 0)
  return {
    ...{ files: total('files'), links: total('links'), bytes: total('bytes'), passes: passes.length },
    folders: passes.at(-1)?.report.folders ?? 0,
    notices: joined(passes.map(({ notices }) => notices)),
  }
}

function joined(all: readonly Packed['notices'][]): FilesFacts['notices'] {
  const notices: FilesFacts['notices'] = {}
  for (const [kind, { count, paths }] of all.flatMap((each) => Object.entries(each))) {
    const before = notices[kind as keyof typeof notices] ?? { count: 0, paths: [] }
    notices[kind as keyof typeof notices] = {
      count: before.count + count,
      paths: [...before.paths, ...paths].slice(0, NAMED_PATHS),
    }
  }
  return notices
}
