import type { WalDrill } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { BackupRow } from './catalog.ts'

/** WAL at one target that a drill could not replay, or that ended before the drill's goal; nothing since has shown a way past it. */
export interface BrokenWal extends WalDrill {
  targetId: TargetId
  /** Of the drill that found it. */
  backupId: BackupId
}

/**
 * WAL that drills found broken or too short, the worst open finding of each target. It is over when a later drill from that target replayed past the place, or a
 * backup lies there that ended behind it: what is newer is then recovered from that one.
 *
 * @param rows bases and incrementals of one source
 */
export function brokenWal(rows: readonly BackupRow[]): BrokenWal[] {
  const found = rows.flatMap(({ backupId, wal = {} }) =>
    (Object.entries(wal) as [TargetId, WalDrill[]][]).flatMap(([targetId, drills]) =>
      drills.map((drill) => ({ ...drill, targetId, backupId })),
    ),
  )
  return [...Map.groupBy(found, ({ targetId }) => targetId).values()].flatMap((drills) => {
    const isMended = (drill: BrokenWal) =>
      rows.some((row) => leadsOn(row, drill)) ||
      drills.some((later) => later.verdict === 'proven' && later.at > drill.at && isPast(later, drill))
    const open = drills.filter((drill) => drill.verdict !== 'proven' && !isMended(drill))
    return open.sort(worstFirst).slice(0, 1)
  })
}

/** It was replayed to the drill's goal, and only the heartbeat does not show that nothing is missing there. */
export function isUnshown({ verdict, reasons }: Pick<BrokenWal, 'verdict' | 'reasons'>): boolean {
  return verdict === 'inconclusive' && reasons.every((reason) => reason.startsWith('heartbeat'))
}

/** Where a place is not known, any way through counts. */
function isPast(drill: WalDrill, { reached }: WalDrill): boolean {
  return reached === undefined || drill.reached === undefined || parseLsn(drill.reached) > parseLsn(reached)
}

function leadsOn({ copies, physical }: BackupRow, { targetId, reached }: BrokenWal): boolean {
  const state = copies[targetId]
  if (reached === undefined || physical === undefined || (state !== 'stored' && state !== 'proven')) return false
  return parseLsn(physical.endLsn) > parseLsn(reached)
}

/** What is surely broken before what may be; then the newest. */
function worstFirst(a: BrokenWal, b: BrokenWal): number {
  if (a.verdict !== b.verdict) return a.verdict === 'failed' ? -1 : 1
  return a.at < b.at ? 1 : -1
}
