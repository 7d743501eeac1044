import { look, type Sight } from '@lifeboat/recovery/bare/look.ts'
import { type Picked, pick } from '@lifeboat/recovery/bare/pick.ts'
import { takeInventory } from '@lifeboat/recovery/fetch/inventory.ts'
import type { BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openLent } from '@lifeboat/storage/lent/open-lent.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AgentConfig, RestoreConfig } from '../config.ts'

export interface CopyWanted {
  sourceId: SourceId
  /** Default: the newest proven one. */
  backupId?: BackupId | undefined
  /** The first to be tried first. */
  targets: readonly TargetId[]
  unproven: boolean
}

export interface CopyChosen<T> {
  target: Target
  chosen: T
  /** Which could not help, and why. */
  passedOver: RestorePlan['passedOver']
}

export type DumpPicked = Extract<Picked, { kind: 'dump' }>

/**
 * The copy to restore: of the first target that answers and that `choose` can do with. Everything is read through an uploader and believed only
 * where it is signed.
 *
 * @param wanted `alone`: nothing but this backup is looked at
 * @throws LifeboatError what the first target said, when none can help
 */
export async function chooseCopy<T>(
  { sourceId, targets, alone }: Pick<CopyWanted, 'sourceId' | 'targets'> & { alone?: BackupId | undefined },
  { cfg, restore, signal }: { cfg: AgentConfig; restore: RestoreConfig; signal: AbortSignal },
  choose: (sight: Sight, target: Target) => Promise<T>,
): Promise<CopyChosen<T>> {
  const passedOver: RestorePlan['passedOver'] = []
  for (const targetId of targets) {
    const target = openLent(targetId, { uploaders: restore.uploaders, token: cfg.token })
    try {
      const sight = await look({ target, sourceId, backupId: alone, signers: cfg.signers, signal })
      return { target, chosen: await choose(sight, target), passedOver }
    } catch (thrown) {
      signal.throwIfAborted()
      const err = LifeboatError.from(thrown)
      if (err.code === 'INTERNAL') throw err
      passedOver.push({ targetId, error: reportOf(err) })
    }
  }
  const [first] = passedOver
  if (!first) throw new LifeboatError('TARGET_UNKNOWN', { targets })
  const others = passedOver.slice(1).map(({ targetId, error }) => `${targetId}: ${error.code}`)
  throw new LifeboatError(first.error.code, {
    targetId: first.targetId,
    ...first.error.facts,
    ...(others.length > 0 && { others }),
  })
}

/** A dump that is whole at its target, and proven unless the operator said otherwise. */
export function chooseDump(
  wanted: CopyWanted,
  by: { cfg: AgentConfig; restore: RestoreConfig; signal: AbortSignal },
): Promise<CopyChosen<DumpPicked>> {
  const { sourceId, backupId, unproven } = wanted
  return chooseCopy({ ...wanted, alone: backupId }, by, async (sight, target) => {
    if (backupId !== undefined && sight.objects === 0) throw new LifeboatError('BACKUP_UNKNOWN', { backupId })
    const picked = pick(sight, { sourceId, backupId, dump: true, unproven })
    if (picked.kind !== 'dump')
      throw new LifeboatError('RECOVERY_NO_BASE', { backupId, problem: 'it is of a cluster, not of a database' })
    await takeInventory(target, picked.seen.manifest, by.signal)
    return picked
  })
}
