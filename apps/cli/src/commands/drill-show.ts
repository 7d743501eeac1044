import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { DrillId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { beginOf } from '../format/moments.ts'
import { withFleet } from '../open-fleet.ts'
import { findBackup } from '../parse-ids.ts'
import { drillText, exitOfDrill, type ToldDrill } from './drill-text.ts'

/** One drill by its id, or the last drill of each copy of a backup. */
export const drillShow: Command<{ id: string }> = ({ id }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const drillId = DrillId.safeParse(id)
    if (drillId.success) {
      const drill = await findDrill(bus, drillId.data, context.terminal.signal)
      return { value: drill, text: (style) => drillText(drill, style), exit: exitOfDrill(drill) }
    }
    const record = await findBackup(await KvCatalog.open(bus), id)
    const drills = lastDrills(record)
    const text = drills.length === 0 ? () => `No copy of ${id} has been drilled.` : undefined
    return {
      value: { backupId: record.backupId, drills },
      text: text ?? ((style) => drills.map((drill) => drillText(drill, style)).join('\n')),
    }
  })

/** The id tells when the drill began, so the look begins there. */
async function findDrill(bus: Bus, drillId: DrillId, signal: AbortSignal): Promise<DrillFinished> {
  const since = Date.parse(beginOf(drillId)) - 60_000
  const subjects = ['lifeboat.fact.drill.finished.>']
  for await (const { data } of bus.observe({ signal, since, follow: false, subjects })) {
    const told = DrillFinished.schema.safeParse(data)
    if (told.success && told.data.drillId === drillId) return told.data
  }
  throw new LifeboatError('DRILL_UNKNOWN', { drillId })
}

function lastDrills({ backupId, copies }: BackupRecord): ToldDrill[] {
  return Object.entries(copies).flatMap(([target, { lastDrill, wal }]) => {
    if (!lastDrill) return []
    const { at: finishedAt, ...told } = lastDrill
    const behind = wal?.find((found) => found.drillId === told.drillId)
    return [{ ...(behind && { wal: behind }), ...told, finishedAt, backupId, targetId: target as TargetId }]
  })
}
