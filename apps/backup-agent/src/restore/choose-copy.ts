import { look } from '@lifeboat/recovery/bare/look.ts'
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

export interface CopyChosen {
  target: Target
  picked: Extract<Picked, { kind: 'dump' }>
  /** Which could not help, and why. */
  passedOver: RestorePlan['passedOver']
}

/**
 * The copy to restore: of the first target that answers, holds it whole, and whose copy is proven. Everything is read through an uploader and
 * believed only where it is signed.
 *
 * @throws LifeboatError what the first target said, when none can help
 */
export async function chooseCopy(
  { sourceId, backupId, targets, unproven }: CopyWanted,
  { cfg, restore, signal }: { cfg: AgentConfig; restore: RestoreConfig; signal: AbortSignal },
): Promise<CopyChosen> {
  const passedOver: CopyChosen['passedOver'] = []
  for (const targetId of targets) {
    const target = openLent(targetId, { uploaders: restore.uploaders, token: cfg.token })
    try {
      const sight = await look({ target, sourceId, signers: cfg.signers, signal })
      const picked = pick(sight, { sourceId, backupId, dump: true, unproven })
      if (picked.kind !== 'dump')
        throw new LifeboatError('RECOVERY_NO_BASE', { backupId, problem: 'only dumps are restored on command' })
      await takeInventory(target, picked.seen.manifest, signal)
      return { target, picked, passedOver }
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
