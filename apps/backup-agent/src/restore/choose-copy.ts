import { look, type Sight } from '@lifeboat/recovery/bare/look.ts'
import { type Picked, pick } from '@lifeboat/recovery/bare/pick.ts'
import { takeInventory } from '@lifeboat/recovery/fetch/inventory.ts'
import type { BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { PassedOver } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openLent } from '@lifeboat/storage/lent/open-lent.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AgentConfig, RestoreConfig } from '../config.ts'
import { type AskOptions, askAll, askInTurn } from './ask-targets.ts'

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
  passedOver: PassedOver[]
}

export interface Asking extends AskOptions {
  cfg: AgentConfig
  restore: RestoreConfig
}

/** What is done with the copies of one target. */
export type Choose<T> = (sight: Sight, target: Target, signal: AbortSignal) => Promise<T>

export type DumpPicked = Extract<Picked, { kind: 'dump' }>

/**
 * The copy to restore: of the first target that answers and that `choose` can do with, or with `isBetter` the best of all of them. Everything is read
 * through an uploader and believed only where it is signed.
 *
 * @param wanted `alone`: nothing but this backup is looked at
 * @throws LifeboatError what the first target said, when none can help
 */
export async function chooseCopy<T>(
  { sourceId, targets, alone }: Pick<CopyWanted, 'sourceId' | 'targets'> & { alone?: BackupId | undefined },
  by: Asking,
  choose: Choose<T>,
  isBetter?: (one: T, than: T) => boolean,
): Promise<CopyChosen<T>> {
  const { cfg, restore, awaiting } = by
  const ask = async (targetId: TargetId, signal: AbortSignal) => {
    const target = openLent(targetId, { uploaders: restore.uploaders, token: cfg.token, awaiting })
    const sight = await look({ target, sourceId, backupId: alone, signers: cfg.signers, signal })
    return { target, chosen: await choose(sight, target, signal) }
  }
  const { answer, passedOver } = isBetter
    ? await askAll(targets, ask, (one, than) => isBetter(one.chosen, than.chosen), by)
    : await askInTurn(targets, ask, by)
  return { ...answer, passedOver }
}

/** A dump that is whole at its target, and proven unless the operator said otherwise. */
export function chooseDump(wanted: CopyWanted, by: Asking): Promise<CopyChosen<DumpPicked>> {
  const { sourceId, backupId, unproven } = wanted
  const choose: Choose<DumpPicked> = async (sight, target, signal) => {
    if (backupId !== undefined && sight.objects === 0) throw new LifeboatError('BACKUP_UNKNOWN', { backupId })
    const picked = pick(sight, { sourceId, backupId, dump: true, unproven })
    if (picked.kind !== 'dump')
      throw new LifeboatError('RECOVERY_NO_BASE', { backupId, problem: 'it is of a cluster, not of a database' })
    await takeInventory(target, picked.seen.manifest, signal)
    return picked
  }
  return chooseCopy({ ...wanted, alone: backupId }, by, choose, newestUnless(backupId))
}

/** Whoever names a backup gets that one, wherever it is; else the newest is better than any other. */
export function newestUnless(
  backupId: BackupId | undefined,
): ((one: HasManifest, than: HasManifest) => boolean) | undefined {
  if (backupId !== undefined) return undefined
  return (one, than) => one.seen.manifest.snapshotAt > than.seen.manifest.snapshotAt
}

interface HasManifest {
  seen: { manifest: Pick<Manifest, 'snapshotAt'> }
}
