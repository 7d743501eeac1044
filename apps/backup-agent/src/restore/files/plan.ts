import { dirname } from 'node:path'
import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { existingParent, freeBytesAt, orObstacle, plannedBackup } from '@lifeboat/recovery/bare/bare-plan.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { FilesPicked } from '@lifeboat/recovery/files/pick-files.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import type { FilesHooks, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { CopyChosen } from '../choose-copy.ts'
import { plannedHooks } from '../planned-hooks.ts'
import type { Planning } from '../planning.ts'
import type { RestorableTree } from '../restorable.ts'
import { type TreeSite, unfitOf } from './site.ts'

export interface TreePlanning extends Planning<RestorableTree> {
  site: TreeSite
}

/** A file takes whole blocks of its disk. */
const BLOCK_BYTES = 4096
/** A disk filled to its last megabyte breaks more than a restore. */
const SPARE_BYTES = 64 * 1024 ** 2

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
  const disk = await roomFor(copy.chosen, site)
  if (disk.freeBytes < disk.neededBytes) obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', { ...disk }).toReport())
  const planned = plannedHooks(hooks, of.restore, obstacles)
  const ago = formatDuration(Math.max(0, clock.now() - Date.parse(snapshotAt)))
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
    loss: { until: snapshotAt, sentence: `What was written after ${snapshotAt} (${ago} ago) is not in it.` },
    signatures: of.restore.signatures,
    obstacles: obstacles.map((each) => ErrorReportSchema.parse(each)),
    notes: [...notes, ...treeNotes(copy.chosen, of.files), ...postNotes(site, hooks)],
  }
}

/** At most: what a later backup of the chain brings anew may take the place of what an earlier one brought. */
async function roomFor({ chain }: FilesPicked, { folder }: TreeSite) {
  const path = await existingParent(dirname(folder))
  const contents = chain.reduce(
    (sum, { manifest: { files } }) => sum + files.bytes + BLOCK_BYTES * (files.files + files.folders),
    0,
  )
  return { path, neededBytes: contents + SPARE_BYTES, freeBytes: await freeBytesAt(path) }
}

function postNotes({ swap }: TreeSite, { post }: FilesHooks): string[] {
  return swap === 'parts' && post !== undefined
    ? ['Only the parts are put in place: a post hook that makes anything beside them is refused.']
    : []
}

/** What one should know of a tree that is put in place as a whole. */
function treeNotes({ seen }: FilesPicked, { root, exclude }: FilesSourceConfig): string[] {
  const { files } = seen.manifest
  const lacking = (['unreadable', 'too-large', 'other-filesystem', 'special', 'vanished'] as const).flatMap((kind) => {
    const count = files.notices[kind]?.count ?? 0
    return count === 0 ? [] : [`${count} ${kind}`]
  })
  return [
    ...(exclude.length === 0
      ? []
      : [
          `What backups leave out stays with what is put aside: ${exclude.join(', ')}. A post hook can bring it along.`,
        ]),
    ...(lacking.length === 0 ? [] : [`Not in the backup: ${lacking.join(', ')}; \`lifeboat backup show\` names them.`]),
    ...(files.root === root ? [] : [`The backup is of ${files.root}; it comes back to ${root}.`]),
    ...(process.getuid?.() === 0 ? [] : ['The agent is not root: everything will belong to its own account.']),
  ]
}
