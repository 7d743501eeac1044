import { mkdir, rm } from 'node:fs/promises'
import { problemOfTree } from '@lifeboat/recovery/files/judge-replayed.ts'
import type { FilesPicked } from '@lifeboat/recovery/files/pick-files.ts'
import { type Replayed, replayChain } from '@lifeboat/recovery/files/replay-chain.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { CopyChosen } from '../choose-copy.ts'
import type { FilesCommandTo } from '../command.ts'
import { orNextTarget } from '../next-target.ts'
import { onDisks } from '../on-disks.ts'
import { whileReading } from '../while-reading.ts'
import { chooseFiles } from './choose-files.ts'
import { planTree } from './plan.ts'
import type { TreeSite } from './site.ts'

/**
 * Fetches a chain and extracts it into the folder of the site; everything in it is as the lists of members say when it resolves.
 *
 * @throws LifeboatError RESTORE_FILES_UNLIKE | RESTORE_FILES_UNFIT | RESTORE_DISK_TROUBLE | RECOVERY_… | ARTIFACT_… | TARGET_…
 */
export function extractTree(command: FilesCommandTo<'restore'>, site: TreeSite): Promise<Replayed[]> {
  const { deps, order, restore, run, report, patienceMs, awaiting } = command
  const choose = (targets: readonly TargetId[]) => {
    report('look')
    return chooseFiles({ ...order, targets }, { cfg: deps.cfg, restore, signal: run.signal, patienceMs, awaiting })
  }
  return orNextTarget(command, order.targets, choose, (copy) => extractCopy(command, site, copy))
}

async function extractCopy(
  command: FilesCommandTo<'restore'>,
  site: TreeSite,
  copy: CopyChosen<FilesPicked>,
): Promise<Replayed[]> {
  const { deps, order, restore, files, report } = command
  const { cfg, clock } = deps
  const { folder, root } = site
  return whileReading(command, async (readerOf) => {
    const reader = readerOf(copy.target)
    const { sourceId, hooks, backupId } = order
    const about = { cfg, of: { restore, files }, sourceId, site, hooks, key: 'here', clock } as const
    const plan = await planTree(reader, copy, about)
    const [obstacle] = plan.obstacles
    if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
    report('restore')
    // Of a copy that gave out on the way nothing may stay.
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { mode: 0o700 }).catch((cause: Error) => {
      throw new LifeboatError('RESTORE_FILES_UNFIT', { problem: cause.message, root }, { cause })
    })
    const chain = copy.chosen.chain.map(({ manifest }) => manifest)
    const replayed = await onDisks(plan.disks, reader.run, (run) =>
      replayChain({ ...reader, run }, chain, { folder, purpose: 'restore' }),
    )
    const problem = problemOfTree(replayed)
    if (problem !== undefined)
      throw new LifeboatError('RESTORE_FILES_UNLIKE', { problem, backupId, targetId: copy.target.id })
    return replayed
  })
}
