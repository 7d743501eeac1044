import type { RecoveryPlan } from '@lifeboat/recovery/plan/plan.ts'
import { parseLsn, type WalReach } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { CopyChosen } from '../choose-copy.ts'

/** How far the WAL of a plan leads; undefined where it needs none. */
export function walReachOf({ timeline, wal }: Pick<RecoveryPlan, 'timeline' | 'wal'>): WalReach | undefined {
  return wal && timeline !== 'current' ? { timeline, end: wal.end } : undefined
}

/**
 * Refuses a way that leads less far than the plan that was signed: the target of the plan went away, and what another one lacks would be lost in silence.
 *
 * @throws LifeboatError RESTORE_LOSES_MORE
 */
export function demandPromised(
  promised: WalReach | undefined,
  found: WalReach | undefined,
  { target, passedOver }: Pick<CopyChosen<unknown>, 'passedOver'> & { target: { id: string } },
): void {
  if (!promised || (found && leadsAsFar(found, promised))) return
  throw new LifeboatError('RESTORE_LOSES_MORE', {
    signed: textOf(promised),
    reached: found ? textOf(found) : 'nothing behind the backup',
    targetId: target.id,
    passedOver: passedOver.map(({ targetId, error }) => `${targetId}: ${error.code}`),
  })
}

function leadsAsFar(found: WalReach, promised: WalReach): boolean {
  if (found.timeline !== promised.timeline) return found.timeline > promised.timeline
  return parseLsn(found.end) >= parseLsn(promised.end)
}

function textOf({ timeline, end }: WalReach): string {
  return `${end} on timeline ${timeline}`
}
