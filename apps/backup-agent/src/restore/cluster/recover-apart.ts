import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { type ClusterBack, recoverCluster } from '@lifeboat/recovery/bare/recover-cluster.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { ClusterOrder, ClusterWish } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../command.ts'
import { orNextTarget } from '../next-target.ts'
import { onDisks } from '../on-disks.ts'
import { whileReading } from '../while-reading.ts'
import { type PlannedRestore, planClusterRestore } from './plan.ts'
import { type Site, standsBeside } from './site.ts'
import { demandAction } from './work.ts'

const PATIENCE_MS = 60_000

export interface RecoveredApart extends ClusterBack {
  plan: PlannedRestore
}

/**
 * Plans once more, and recovers the cluster into its folder, out of the first target whose copy and WAL lead there: promoted where it is to become the server, standing still
 * where people want to look. What an earlier life of the agent left there is removed first; whatever fails leaves nothing.
 *
 * @throws LifeboatError RECOVERY_… | RESTORE_… | ARTIFACT_… | WAL_… | TARGET_…
 */
export function recoverApart(command: Command, site: Site): Promise<RecoveredApart> {
  const reading = demandAction(command, 'restore')
  const { deps, order, run, report, patienceMs, awaiting } = reading
  return whileReading(reading, async (reader) => {
    await removeApart(site.folder)
    const { place, pause, goal, timeline, port } = order
    const wish: ClusterWish = {
      place,
      goal,
      ...(pause && { pause }),
      ...(timeline && { timeline }),
      ...(port && { port }),
    }
    const { restoreId, sourceId, backupId, wal: promised, unproven, hooks } = order
    const by = { cfg: deps.cfg, of: command, key: 'here', clock: deps.clock, unproven, hooks, reader } as const
    const choose = async (targets: readonly TargetId[]) => {
      report('look')
      const about = { restoreId, sourceId, backupId, wish, promised, patienceMs, awaiting, targets }
      const plan = await planClusterRestore({ ...about, ...by }, run.signal)
      return { ...plan, passedOver: plan.plan.passedOver }
    }
    return orNextTarget(command, order.targets, choose, (plan) => recoverOut(reading, site, plan, reader(plan.target)))
  })
}

async function recoverOut(
  { order, run, report }: Command & { order: ClusterOrder<'restore'> },
  site: Site,
  plan: PlannedRestore,
  reader: Reader,
): Promise<RecoveredApart> {
  const [obstacle] = plan.plan.obstacles
  if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
  try {
    const how = {
      ...{ folder: site.folder, start: false, account: site.account, onPhase: report },
      ...(standsBeside(order) && { inspect: async () => 'leave' as const }),
      ...(order.place === 'in place' && { settle: 'as it was' as const }),
    }
    const back = await onDisks(plan.plan.disks, run, (run) => recoverCluster({ ...reader, run }, plan.planned, how))
    if (!back) throw new LifeboatError('INTERNAL', { message: 'what nobody discarded is gone' })
    return { ...back, plan }
  } catch (thrown) {
    await removeApart(site.folder)
    throw thrown
  }
}

/** Whoever died while a server recovered in it left the server running. */
export async function removeApart(folder: string): Promise<void> {
  await stopLeftServer(join(folder, 'data'), { mode: 'immediate', patienceMs: PATIENCE_MS })
  await rm(folder, { recursive: true, force: true })
}
