import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { describeGoal } from '@lifeboat/recovery/goal.ts'
import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import { table } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import { readHistory } from '../restore/history.ts'

/** Who commanded what, why, and what came of it: out of the stream nobody can remove anything from. */
export const restoreStatus: Command<{ restore?: string }> = ({ restore }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const history = await readHistory(bus)
    if (restore !== undefined && !history.has(restore))
      throw new LifeboatError('RESTORE_UNKNOWN', { restoreId: restore })
    const shown = restore === undefined ? [...history.values()].flat() : (history.get(restore) ?? [])
    const rows = shown.toReversed().map(row)
    const heads = ['AT', 'RESTORE', 'EVENT', 'WHAT', 'WHO', 'WHY', 'CODE']
    return { value: shown, text: () => (rows.length === 0 ? 'nobody commanded anything yet' : table(heads, rows)) }
  })

function row(told: RestoreAudited): string[] {
  const { at, restoreId, event, who, why, error } = told
  return [timeText(at), restoreId, event, whatText(told), who.join(', ') || '–', why ?? '–', error?.code ?? '']
}

function whatText({ action, sourceId, database, root, tables, place, goal }: RestoreAudited): string {
  if (action === undefined) return '–'
  if (tables) return `${action} ${sourceId} (${tables.map(titleOf).join(', ')} of ${database})`
  const about = database ?? root ?? ['cluster', place, goal && `to ${describeGoal(goal)}`].filter(Boolean).join(' ')
  return `${action} ${sourceId} (${about})`
}
