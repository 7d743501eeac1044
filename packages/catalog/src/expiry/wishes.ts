import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { CopyExpiryRequested, WalExpiryRequested } from '@lifeboat/shared/bus/messages/expiry.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { type MarkId, moment, newMarkId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Catalog } from '../catalog.ts'
import type { Going, SourcePlan } from './planner.ts'

type Deps = { bus: Pick<Bus, 'publish'>; catalog: Pick<Catalog, 'get'> }

/** Asks for the first step of everything a plan lets go: copies are hidden, until their lock ends where they have one, and WAL is removed. */
export async function wishToLetGo(
  { bus }: Pick<Deps, 'bus'>,
  plan: Pick<SourcePlan, 'going' | 'wal'>,
  { by, undeleteMs, nowMs }: { by: string; undeleteMs: number; nowMs: number },
): Promise<{ copies: number; wal: number }> {
  const requestedAt = moment(nowMs)
  const fresh = plan.going.filter(({ marked }) => !marked)
  for (const { sourceId, backupId, targetId, reasons, lockedUntilMs = 0 } of fresh) {
    const mark = {
      markId: newMarkId(nowMs),
      sourceId,
      backupId,
      targetId,
      by,
      reasons,
      markedAt: requestedAt,
      removeAfter: moment(Math.max(nowMs + undeleteMs, lockedUntilMs)),
    }
    await bus.publish(CopyExpiryRequested, { ...mark, step: 'mark', requestedAt })
  }
  for (const { anchorAtMs, ...wal } of plan.wal)
    await bus.publish(WalExpiryRequested, { ...wal, anchorAt: moment(anchorAtMs), by, requestedAt })
  return { copies: fresh.length, wal: plan.wal.length }
}

/**
 * Asks for the last step of what has been hidden long enough, is locked no more, is still to go, and is needed by no copy that is there. So children go first and
 * their parents in a later round: a child may be locked for longer, or its removal be refused, and then it can still be brought back.
 */
export async function wishToRemove(deps: Deps, going: readonly Going[], by: string, nowMs: number): Promise<number> {
  const due = going.filter(
    ({ marked, needed, removeAfter, lockedUntilMs }) =>
      marked && !needed && lockedUntilMs === undefined && Date.parse(removeAfter ?? '') <= nowMs,
  )
  for (const copy of due) await wishStep(deps, copy, 'remove', by, nowMs)
  return due.length
}

/** Asks to bring back what is hidden. */
export async function wishBack(
  deps: Deps,
  returning: readonly Pick<Going, 'sourceId' | 'backupId' | 'targetId' | 'reasons'>[],
  by: string,
  nowMs: number,
): Promise<number> {
  for (const copy of returning) await wishStep(deps, copy, 'unmark', by, nowMs)
  return returning.length
}

async function wishStep(
  { bus, catalog }: Deps,
  { sourceId, backupId, targetId, reasons }: Pick<Going, 'sourceId' | 'backupId' | 'targetId' | 'reasons'>,
  step: 'unmark' | 'remove',
  by: string,
  nowMs: number,
): Promise<void> {
  const open = openMark(await catalog.get(backupId, sourceId), targetId)
  if (open === undefined) return
  const requestedAt = moment(nowMs)
  const mark = { ...open, sourceId, backupId, targetId, by, reasons, markedAt: requestedAt }
  await bus.publish(CopyExpiryRequested, { ...mark, step, requestedAt })
}

function openMark(record: BackupRecord | undefined, targetId: TargetId) {
  const marks = Object.entries(record?.copies[targetId]?.marks ?? {}) as [
    MarkId,
    { removeAfter?: CopyExpiryRequested['removeAfter'] | undefined; undone: boolean },
  ][]
  const found = marks.find(([, { undone }]) => !undone)
  return found?.[1].removeAfter && { markId: found[0], removeAfter: found[1].removeAfter }
}
