import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Remembered, RememberedTable } from './memory.ts'

export interface ExportQuestion {
  /** What this agent wrote down about its last export by this policy. */
  before: Remembered | undefined
  /** What the catalogue knows of that export. */
  record: BackupRecord | undefined
  /** It lies complete in this agent's own spool. */
  inSpool: boolean
  tables: readonly RememberedTable[]
  /** Of everything in the configuration that a reader of the export would notice. */
  settings: string
  targets: readonly TargetId[]
  atLeastEveryMs: number
  nowMs: number
}

/** `refer`: the earlier export says all there is to say · `export`: a new one, and why; `notes` are for people. */
export type ExportDecision = { do: 'refer'; to: BackupId } | { do: 'export'; reason: string; notes: string[] }

/**
 * Whether anything has to be written at all. Only an export that is certainly still good is referred to: one that the catalogue does not know, that a
 * drill spoke against or a target refused, is taken anew.
 */
export function decideExport(question: ExportQuestion): ExportDecision {
  const { before, tables } = question
  if (before === undefined) return { do: 'export', reason: 'it is the first one this agent knows of', notes: [] }
  const notes = notesOn(before, tables)
  const differences = differencesTo(before.tables, tables)
  const because = (reason: string): ExportDecision => ({ do: 'export', reason, notes })
  if (differences.length > 0) return because(differences.join('; '))
  if (before.settings !== question.settings) return because('the configuration changed')
  const ageMs = question.nowMs - Date.parse(before.takenAt)
  if (ageMs >= question.atLeastEveryMs || ageMs < 0)
    return because(`${before.backupId} is ${formatDuration(Math.abs(ageMs))} old`)
  const doubt = doubtAbout(question, before.backupId)
  return doubt === undefined ? { do: 'refer', to: before.backupId } : because(doubt)
}

function doubtAbout({ record, inSpool, targets }: ExportQuestion, backupId: BackupId): string | undefined {
  if (record === undefined) return inSpool ? undefined : `the catalogue does not know ${backupId}`
  if (record.sealedAt === undefined) return inSpool ? undefined : `${backupId} was never completed`
  const states = targets.map((target) => record.copies[target]?.state ?? 'expected')
  const bad = states.findIndex((state) => state === 'disproven' || state === 'refused')
  if (bad >= 0) return `the copy of ${backupId} at ${targets[bad]} is ${states[bad]}`
  const isHeld = states.some((state) => state === 'stored' || state === 'proven')
  return isHeld || inSpool ? undefined : `no target holds ${backupId}`
}

function differencesTo(before: readonly RememberedTable[], now: readonly RememberedTable[]): string[] {
  const known = new Map(before.map((table) => [table.title, table]))
  const current = new Set(now.map(({ title }) => title))
  return [
    ...now.flatMap((table) => {
      const old = known.get(table.title)
      if (old === undefined) return [`${table.title} is new`]
      if (old.definition !== table.definition) return [`the definition of ${table.title} changed`]
      if (old.rows !== table.rows) return [`${table.title} had ${old.rows} rows and has ${table.rows}`]
      return old.hash === table.hash ? [] : [`rows of ${table.title} changed`]
    }),
    ...before.filter(({ title }) => !current.has(title)).map(({ title }) => `${title} is not exported any more`),
  ]
}

/** Changes that may be a mistake at the source: they are told, and stand beside the backup. */
function notesOn(before: Remembered, now: readonly RememberedTable[]): string[] {
  const known = new Map(before.tables.map((table) => [table.title, table]))
  return now.flatMap((table) => {
    const old = known.get(table.title)
    if (old === undefined) return []
    const gone = old.columns.filter((name) => !table.columns.includes(name))
    return [
      ...gone.map((name) => `column ${name} of ${table.title} is gone since ${before.backupId}`),
      ...(table.rows === 0 && old.rows > 0
        ? [`${table.title} is empty; it had ${old.rows} rows in ${before.backupId}`]
        : []),
    ]
  })
}
