import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import { table } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import { cancelledText, whatText } from '../restore/audit-text.ts'
import { changesLines } from '../restore/files-text.ts'
import { readHistory } from '../restore/history.ts'
import { passedOverText } from '../restore/passed-over-text.ts'
import { diffText, extentText } from '../restore/tables-text.ts'

/** Who commanded what, why, and what came of it: out of the stream nobody can remove anything from. Of one command also what it was to change. */
export const restoreStatus: Command<{ restore?: string }> = ({ restore }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const history = await readHistory(bus)
    if (restore !== undefined && !history.has(restore))
      throw new LifeboatError('RESTORE_UNKNOWN', { restoreId: restore })
    const shown = restore === undefined ? [...history.values()].flat() : (history.get(restore) ?? [])
    const rows = shown.toReversed().map(row)
    const heads = ['AT', 'RESTORE', 'EVENT', 'WHAT', 'WHO', 'WHY', 'CODE']
    const text = () =>
      rows.length === 0
        ? 'nobody commanded anything yet'
        : [table(heads, rows), ...(restore === undefined ? [] : shown.flatMap(furtherLines))].join('\n')
    return { value: shown, text }
  })

/** What was told before anything was changed, and with the end. */
function furtherLines(told: RestoreAudited): string[] {
  const { changes, diffs, extent, passedOver = [] } = told
  const away = passedOver.map((each) => `Passed over: ${passedOverText(each)}`)
  const lines = [...(changes ? changesLines(changes) : []), ...(diffs ? [diffText(diffs)] : [])]
  const heads = ['', 'Before anything was changed, the backup against what was there:']
  const ended = told.cancelledBy === undefined ? [] : [`Cancelled ${cancelledText(told)}`]
  return [
    ...(lines.length === 0 ? [] : [...heads, ...lines]),
    ...(extent ? [extentText(extent)] : []),
    ...away,
    ...ended,
  ]
}

function row(told: RestoreAudited): string[] {
  const { at, restoreId, event, who, why, error } = told
  return [timeText(at), restoreId, event, whatText(told), who.join(', ') || '–', why ?? '–', error?.code ?? '']
}
