import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import { demandKey } from '../fetch/demand-key.ts'
import { takeInventory } from '../fetch/inventory.ts'
import type { Reader } from '../fetch/reader.ts'
import { lackingNotes, roomForTree, treeLoss } from '../files/about-tree.ts'
import type { FilesPicked } from '../files/pick-files.ts'
import type { FilesManifest } from '../files/replay-chain.ts'
import { type BarePlan, demandEmpty, orObstacle, plannedBackup } from './bare-plan.ts'

/** What bringing back a tree of files would do; `backups` is the chain, oldest first. */
export interface TreePlan extends Omit<BarePlan, 'kind' | 'server' | 'wal' | 'goal'> {
  kind: 'files'
  /** Where it lay; names in it are relative to that. */
  root: string
}

export interface PlannedFiles {
  told: TreePlan
  chain: readonly FilesManifest[]
}

/** Looks whether a tree can be put together there. What stands against it is told with the plan. @throws LifeboatError TARGET_… */
export async function planFiles(
  reader: Reader,
  picked: FilesPicked,
  folder: string | undefined,
  clock: Clock,
): Promise<PlannedFiles> {
  const { seen, notes } = picked
  const chain = picked.chain.map(({ manifest }) => manifest)
  const obstacles: ErrorReport[] = []
  for (const manifest of chain) {
    await orObstacle(obstacles, () => takeInventory(reader.target, manifest, reader.run.signal))
    await orObstacle(obstacles, () => demandKey(reader, manifest))
  }
  const disk = folder === undefined ? undefined : await roomForTree(picked, folder)
  if (folder !== undefined) await orObstacle(obstacles, () => demandEmpty(folder))
  if (disk && disk.freeBytes < disk.neededBytes)
    obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', { ...disk }).toReport())
  const { sourceId, snapshotAt, files } = seen.manifest
  const drillMs = seen.drill?.recoveryMs
  const told: TreePlan = {
    ...{ sourceId, kind: 'files', root: files.root, backups: picked.chain.map(plannedBackup) },
    fetchBytes: chain.reduce((sum, manifest) => sum + backupBytes(manifest), 0),
    ...{ ...(disk && { disk }), ...(drillMs !== undefined && { drillMs }) },
    loss: treeLoss(snapshotAt, clock.now()),
    ...{ obstacles, notes: [...notes, ...lackingNotes(picked), ownersNote()] },
  }
  return { told, chain }
}

function ownersNote(): string {
  return process.getuid?.() === 0
    ? 'Owners come back by their numbers: where accounts have others on this host, change them.'
    : 'This is not root: everything will belong to the account that runs this.'
}
