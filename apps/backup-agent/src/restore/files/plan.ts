import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { orObstacle, plannedBackup } from '@lifeboat/recovery/bare/bare-plan.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { lackingNotes, roomForTree, treeLoss } from '@lifeboat/recovery/files/about-tree.ts'
import type { FilesPicked } from '@lifeboat/recovery/files/pick-files.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import type { FilesHooks, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { CopyChosen } from '../choose-copy.ts'
import { plannedHooks } from '../planned-hooks.ts'
import type { Planning } from '../planning.ts'
import type { RestorableTree } from '../restorable.ts'
import { type TreeSite, unfitOf } from './site.ts'

export interface TreePlanning extends Planning<RestorableTree> {
  site: TreeSite
}

/** What would happen to the tree, and what stands against it. Touches nothing. */
export async function planTree(
  reader: Reader,
  copy: CopyChosen<FilesPicked>,
  { cfg, of, sourceId, site, hooks, key, clock }: TreePlanning,
): Promise<RestorePlan> {
  const { chain, seen, notes } = copy.chosen
  const { files, snapshotAt } = seen.manifest
  const obstacles: ErrorReport[] = []
  if (key === 'here') for (const { manifest } of chain) await orObstacle(obstacles, () => demandKey(reader, manifest))
  for (const problem of await unfitOf(site, of.files))
    obstacles.push(new LifeboatError('RESTORE_FILES_UNFIT', { problem, root: site.root }).toReport())
  const disk = await roomForTree(copy.chosen, site.folder)
  if (disk.freeBytes < disk.neededBytes) obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', { ...disk }).toReport())
  const planned = plannedHooks(hooks, of.restore, obstacles)
  return {
    ...{ sourceId, agentId: cfg.agentId, backup: plannedBackup(seen), targetId: copy.target.id },
    files: {
      ...{ root: site.root, chain: chain.map(plannedBackup), swap: site.swap, folder: site.folder },
      members: files.files + files.folders + files.links,
    },
    passedOver: copy.passedOver,
    fetchBytes: chain.reduce((sum, { manifest }) => sum + backupBytes(manifest), 0),
    ...{ disks: [{ of: 'the new tree', ...disk }], sessions: [], hooks: planned },
    ...(seen.drill?.recoveryMs === undefined ? {} : { drillMs: seen.drill.recoveryMs }),
    loss: treeLoss(snapshotAt, clock.now()),
    signatures: of.restore.signatures,
    obstacles: obstacles.map((each) => ErrorReportSchema.parse(each)),
    notes: [...notes, ...treeNotes(copy.chosen, of.files), ...postNotes(site, hooks)],
  }
}

function postNotes({ swap }: TreeSite, { post }: FilesHooks): string[] {
  return swap === 'parts' && post !== undefined
    ? ['Only the parts are put in place: a post hook that makes anything beside them is refused.']
    : []
}

/** What one should know of a tree that is put in place as a whole. */
function treeNotes(picked: FilesPicked, { root, exclude }: FilesSourceConfig): string[] {
  const { files } = picked.seen.manifest
  return [
    ...(exclude.length === 0
      ? []
      : [
          `What backups leave out stays with what is put aside: ${exclude.join(', ')}. A post hook can bring it along.`,
        ]),
    ...lackingNotes(picked),
    ...(files.root === root ? [] : [`The backup is of ${files.root}; it comes back to ${root}.`]),
    ...(process.getuid?.() === 0 ? [] : ['The agent is not root: everything will belong to its own account.']),
  ]
}
