import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { stopwatch } from './screen.ts'

/** One sentence the demo claims, and whether it was so. */
export interface Claim {
  claim: string
  held: boolean
  detail: string
}

export interface TargetSummary {
  target: string
  kind: string
  /** From the begin of the backup until this target had all of it. */
  storedSeconds: number
  verdict: string
  drillSeconds: number
  /** First byte fetched to first query answered: the measured RTO. */
  recoverySeconds?: number
}

export interface Summary {
  held: boolean
  seconds: number
  database: { name: string; bytes: number; rows: number; server: string }
  backup: { backupId: string; bytes: number; seconds: number }
  targets: TargetSummary[]
  recovery: {
    backupId: string
    target: string
    /** The moment asked for, and where in the WAL it was. */
    to: string
    lsn: string
    /** From the first look at the target to the first count. */
    seconds: number
    rows: number
    /** From the mistake until the WAL up to it was off-site. */
    offSiteSeconds: number
    /** From the mistake until the rows could be read again. */
    backSeconds: number
    /** What lifeboat.yaml promises of the source. */
    objectiveSeconds: number
  }
  restore: {
    restoreId: string
    backupId: string
    /** From the loss of the database until its rows could be read again. */
    seconds: number
    rows: number
  }
  sabotage: {
    backupId: string
    target: string
    key: string
    offset: number
    verdicts: Record<string, string>
    reasons: string[]
  }
  missing: { subject: string; to: string[]; secondsAfterDue: number; resolved: string }
  /** Subjects of all mails, in the order they came. */
  mails: string[]
  claims: Claim[]
}

/** The end of the demo, for people. */
export function summaryText(summary: Summary): string {
  const { database, backup, claims, recovery, restore, targets } = summary
  const seconds = (value: number | undefined) => (value === undefined ? '–' : formatDuration(value * 1000))
  return [
    '',
    `${summary.held ? 'Everything held' : 'NOT everything held'}, in ${stopwatch(summary.seconds * 1000)} minutes.`,
    '',
    `database  ${database.name}, ${formatBytes(database.bytes)}, ${database.rows.toLocaleString('en')} rows, PostgreSQL ${database.server}`,
    `backup    ${backup.backupId}, ${formatBytes(backup.bytes)}, sealed in ${seconds(backup.seconds)}`,
    `recovery  rows lost by mistake could be read again after ${seconds(recovery.backSeconds)}; objective ${seconds(recovery.objectiveSeconds)}`,
    `restore   the database, dropped, answered again after ${seconds(restore.seconds)}`,
    '',
    ...table(
      ['target', 'kind', 'stored after', 'drill', 'took', 'recovered in'],
      targets.map((one) => [
        one.target,
        one.kind,
        seconds(one.storedSeconds),
        one.verdict,
        seconds(one.drillSeconds),
        seconds(one.recoverySeconds),
      ]),
    ),
    '',
    ...claims.map(({ claim, held, detail }) => `${held ? '✓' : '✗'} ${claim}${detail === '' ? '' : `\n    ${detail}`}`),
    '',
  ].join('\n')
}

/** Columns as wide as their widest cell, with a rule below the head. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)]
}
