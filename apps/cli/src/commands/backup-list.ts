import type { BackupRow, Catalog } from '@lifeboat/catalog/catalog.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import { rowOf } from '@lifeboat/catalog/summarize.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { BackupState } from '@lifeboat/shared/domain/backup.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import { pointLines } from '../format/points.ts'
import type { Style } from '../format/style.ts'
import { table } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import { pointsAmong } from '../sets/read-points.ts'

export interface BackupListArgs {
  source?: string
  limit?: string
  all?: boolean
}

const LIMIT = 20

/** The newest backups first; what is running or failed is shown too, for a gap is news. */
export const backupList: Command<BackupListArgs> = (args, context) =>
  withFleet(context, ['sources'], async ({ bus, config }) => {
    const limit = args.limit === undefined ? LIMIT : parseLimit(args.limit)
    const sourceId = args.source as SourceId | undefined
    const catalog = await KvCatalog.open(bus)
    const of = sourceId === undefined ? {} : { sourceId }
    const rows = args.all ? await everyRow(catalog, of) : await catalog.list({ ...of, limit })
    // A source that left the configuration may still have backups, so only an empty answer is suspect.
    const known = Object.keys(config.sources)
    if (rows.length === 0 && sourceId !== undefined && !known.includes(sourceId))
      throw new LifeboatError('SOURCE_UNKNOWN', { name: sourceId, suggestion: suggestName(sourceId, known) })
    const sets = await pointsAmong(bus, catalog, rows, context.clock.now())
    return { value: { backups: rows, sets }, text: (style) => listText(rows, sets, style) }
  })

async function everyRow(catalog: Catalog, of: { sourceId?: SourceId }): Promise<BackupRow[]> {
  const rows = []
  for await (const record of catalog.all(of)) rows.push(rowOf(record))
  return rows.sort((a, b) => (a.backupId < b.backupId ? 1 : -1))
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1)
    throw new LifeboatError('CLI_USAGE', { given: text, problem: '--limit wants a whole number from 1' })
  return limit
}

function listText(rows: readonly BackupRow[], sets: readonly RecoveryPoint[], style: Style): string {
  if (rows.length === 0) return 'No backup is in the catalogue.'
  const head = ['backup', 'source', 'policy', 'state', 'started', 'size', 'copies'].map(style.dim)
  const backups = table(
    head,
    rows.map((row) => [
      row.backupId,
      row.sourceId,
      row.policyId,
      stateText(row.state, style),
      startedText(row),
      row.bytes === undefined ? '–' : formatBytes(row.bytes),
      Object.entries(row.copies)
        .map(([target, state]) => `${target} ${stateText(state, style)}`)
        .join(', '),
    ]),
  )
  return [backups, ...sets.map((point) => pointLines(point, style))].join('\n\n')
}

/** An export that is still what the source holds counts for as long. */
function startedText({ startedAt, unchangedAt }: BackupRow): string {
  return unchangedAt === undefined ? timeText(startedAt) : `${timeText(startedAt)}, same at ${timeText(unchangedAt)}`
}

export function stateText(state: BackupState | string, style: Style): string {
  if (state === 'proven') return style.good(state)
  if (state === 'failed' || state === 'disproven' || state === 'refused') return style.bad(state)
  return state === 'stored' ? state : style.dim(state)
}
