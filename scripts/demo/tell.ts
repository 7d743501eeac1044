import type { ObservedMessage, ProgressReport } from '@lifeboat/shared/bus/bus.ts'
import { BackupFailed, BackupRequested, BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyRefused, CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { IncidentOpened, IncidentResolved } from '@lifeboat/shared/bus/messages/incident.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { read } from './watch.ts'

type Teller = (message: ObservedMessage) => string | undefined

/** One line for each fact a person would want to see go by; parts come too often for that. */
const TELLERS: Teller[] = [
  (message) => told(read(BackupRequested, message), (wish) => `wish: back up ${wish.sourceId} (${wish.requestedBy})`),
  (message) => told(read(BackupStarted, message), (fact) => `${fact.backupId} begun, attempt ${fact.attempt}`),
  (message) =>
    told(read(BackupSealed, message), (fact) => {
      const took = formatDuration(Date.parse(fact.sealedAt) - Date.parse(fact.startedAt))
      return `${fact.backupId} sealed: ${formatBytes(fact.bytes)} in ${took}`
    }),
  (message) => told(read(BackupFailed, message), (fact) => `${fact.backupId} failed: ${fact.error.code}`),
  (message) => told(read(CopyStored, message), (fact) => `${fact.backupId} stored at ${fact.targetId}`),
  (message) => told(read(CopyRefused, message), (fact) => `${fact.backupId} refused at ${fact.targetId}`),
  (message) =>
    told(read(DrillFinished, message), (fact) => {
      const why = fact.reasons.length > 0 ? `: ${fact.reasons.join(' ')}` : ''
      return `drill from ${fact.targetId} in ${formatDuration(fact.durationMs)}: ${fact.verdict}${why}`
    }),
  (message) => told(read(IncidentOpened, message), ({ incident }) => `incident opened: ${incident.title}`),
  (message) => told(read(IncidentResolved, message), ({ incident }) => `incident resolved: ${incident.title}`),
]

export function tellFact(message: ObservedMessage): string | undefined {
  for (const teller of TELLERS) {
    const line = teller(message)
    if (line !== undefined) return line
  }
  return undefined
}

export function tellProgress({ service, phase, done, total, unit }: ProgressReport): string {
  const amount = (value: number) => (unit === 'bytes' ? formatBytes(value) : `${value} ${unit}`)
  const share = total ? ` of ${amount(total)} (${Math.floor((100 * done) / total)} %)` : ''
  return `${service}: ${phase} ${amount(done)}${share}`
}

function told<T>(data: T | undefined, line: (data: T) => string): string | undefined {
  return data === undefined ? undefined : line(data)
}
