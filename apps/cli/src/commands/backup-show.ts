import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { type BackupRecord, type Copy, stateOf } from '@lifeboat/shared/domain/backup.ts'
import { RecoveryPointId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { BackupSummary, FileNotice, FilesFacts, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { ExportFacts } from '@lifeboat/shared/domain/table-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Command } from '../context.ts'
import { timeText } from '../format/moments.ts'
import { pointLines } from '../format/points.ts'
import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import { withFleet } from '../open-fleet.ts'
import type { Outcome } from '../output.ts'
import { findBackup } from '../parse-ids.ts'
import { readPoint } from '../sets/read-points.ts'
import { stateText } from './backup-list.ts'

/** Names of parts, `db.dump.zst.age.00000`, that a target is still to receive. */
type Missing = Record<TargetId, string[]>

/** Everything the catalogue knows of one backup: its state at each target, the parts still missing there, the last drill of each copy. */
export const backupShow: Command<{ id: string }> = ({ id }, context) =>
  withFleet(context, [], async ({ bus }) => {
    const point = RecoveryPointId.safeParse(id)
    if (point.success) return showPoint(bus, point.data, context.clock.now())
    const record = await findBackup(await KvCatalog.open(bus), id)
    const missing = await missingParts(bus, record, context.terminal.signal)
    const value = { ...record, state: stateOf(record), missingParts: missing }
    return { value, text: (style) => showText(record, missing, style) }
  })

/** @throws LifeboatError BACKUP_POINT_UNKNOWN */
async function showPoint(bus: Bus, id: RecoveryPointId, nowMs: number): Promise<Outcome> {
  const found = await readPoint(bus, id, nowMs)
  if (found === undefined) throw new LifeboatError('BACKUP_POINT_UNKNOWN', { point: id })
  return {
    value: found,
    text: (style) => [pointLines(found, style), ...found.reasons.map((reason) => style.bad(reason))].join('\n'),
    exit: found.state === 'incomplete' ? 'attention' : 'ok',
  }
}

/** Only for copies under way, and only as far back as the backup: a finished backup costs no look at the facts. */
async function missingParts(bus: Bus, record: BackupRecord, signal: AbortSignal): Promise<Missing> {
  const waiting = targetsIn(record, 'expected')
  if (waiting.length === 0 || stateOf(record) === 'failed') return {}
  const sealed = new Set<string>()
  const stored = new Map(waiting.map((target) => [target, new Set<string>()]))
  const subjects = ['sealed', 'stored'].map((what) => `lifeboat.fact.part.${what}.v1.${record.agentId}`)
  const since = Date.parse(record.startedAt) - 60_000
  for await (const { subject, data } of bus.observe({ signal, since, follow: false, subjects })) {
    const own = (data as { backupId?: unknown }).backupId === record.backupId
    if (!own) continue
    if (subject === subjects[0]) {
      const { artifact, part } = PartSealed.schema.parse(data)
      sealed.add(partName(artifact, part.no))
    } else {
      const { artifact, partNo, targetId } = PartStored.schema.parse(data)
      stored.get(targetId)?.add(partName(artifact, partNo))
    }
  }
  return Object.fromEntries(
    [...stored].map(([target, has]) => [target, [...sealed].filter((name) => !has.has(name)).sort()]),
  )
}

function targetsIn(record: BackupRecord, state: Copy['state']): TargetId[] {
  return (Object.keys(record.copies) as TargetId[]).filter((target) => record.copies[target]?.state === state)
}

function partName(artifact: string, no: number): string {
  return `${artifact}.${String(no).padStart(5, '0')}`
}

function showText(record: BackupRecord, missing: Missing, style: Style): string {
  const { summary, error, physical, files } = record
  const rows: [string, string | undefined][] = [
    ['state', stateText(stateOf(record), style)],
    ['source', `${record.sourceId}, policy ${record.policyId}, agent ${record.agentId}`],
    ['run', record.runId],
    ['set', record.set && `${record.set.point}, with ${record.set.members.length - 1} others`],
    ['started', timeText(record.startedAt)],
    ['snapshot', record.snapshotAt && `${timeText(record.snapshotAt)}, the moment it brings back`],
    ['same', record.unchangedAt && `${timeText(record.unchangedAt)}: nothing had changed at the source`],
    ['sealed', record.sealedAt && `${timeText(record.sealedAt)}, ${tookText(record.startedAt, record.sealedAt)}`],
    ['failed', record.failedAt && timeText(record.failedAt)],
    ['error', error && `${error.code}: ${error.title}. ${error.hint}`],
    ['size', record.bytes === undefined ? undefined : sizeText(record.bytes, summary)],
    ['holds', summary && !files ? holdings(summary) : undefined],
    ...(physical ? physicalRows(physical) : []),
    ...(record.exports ? exportRows(record.exports) : []),
    ...(files ? filesRows(files) : []),
    ['copies', `${record.requiredCopies} required`],
  ]
  const lines = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${style.dim(name.padEnd(8))}  ${value}`)
  const copies = Object.entries(record.copies).map(([target, copy]) =>
    copyText(target, copy, missing[target as TargetId] ?? [], style),
  )
  return [style.bold(record.backupId), indent([...lines, ...copies].join('\n'))].join('\n')
}

function tookText(startedAt: string, sealedAt: string): string {
  return `after ${formatDuration(Math.max(0, Date.parse(sealedAt) - Date.parse(startedAt)))}`
}

/** Sealed bytes against the database on its disk: indexes and free space are in the one and not in the other. */
function sizeText(bytes: number, summary: BackupSummary | undefined): string {
  if (!summary || bytes === 0) return formatBytes(bytes)
  return `${formatBytes(bytes)}, ${(summary.databaseBytes / bytes).toFixed(1)} times smaller than what it holds`
}

const SHOWN_PARTS = 5

function copyText(target: string, copy: Copy, missing: readonly string[], style: Style): string {
  const { state, storedAt, error, lastDrill } = copy
  const more = missing.length > SHOWN_PARTS ? ` and ${missing.length - SHOWN_PARTS} more` : ''
  const details = [
    storedAt && `stored ${timeText(storedAt)}`,
    missing.length > 0 && `missing ${missing.length} parts: ${missing.slice(0, SHOWN_PARTS).join(', ')}${more}`,
    error && `${error.code}: ${error.title}. ${error.hint}`,
    lastDrill && `drill ${lastDrill.drillId}: ${lastDrill.verdict}, ${timeText(lastDrill.at)}`,
    ...(lastDrill?.reasons ?? []).map((reason) => `  ${reason}`),
  ].filter((detail) => typeof detail === 'string')
  return [`${style.bold(target)}  ${stateText(state, style)}`, ...details.map((detail) => indent(detail))].join('\n')
}

function physicalRows(facts: PhysicalFacts): [string, string | undefined][] {
  const { timeline, startLsn, endLsn, parent, chain, fullBecause, checksums, fromStandby, tablespaces } = facts
  const { failures } = checksums
  const damaged =
    failures.length === 0 ? 'no page was damaged' : `damaged: ${failures.slice(0, SHOWN_PARTS).join(', ')}`
  return [
    [
      'log',
      `timeline ${timeline}, ${startLsn} to ${endLsn}, where it is consistent${fromStandby ? '; from a standby' : ''}`,
    ],
    ['chain', parent === undefined ? 'full' : `incremental ${chain} after its full base, on ${parent}`],
    ['full', fullBecause && `because ${fullBecause}`],
    ['pages', checksums.enabled ? damaged : 'the cluster has no data checksums: damage would not show'],
    ['folders', tablespaces.length === 0 ? undefined : tablespaces.map(({ path }) => path).join(', ')],
  ]
}

function exportRows({ lsn, tables, notes }: ExportFacts): [string, string][] {
  return [
    ...tables.map(({ title, rows }): [string, string] => ['table', `${title}, ${rows} rows`]),
    ['log', `at ${lsn}`],
    ...notes.map((note): [string, string] => ['note', note]),
  ]
}

const TOLD: Record<FileNotice, string> = {
  changed: 'changed while they were read',
  vanished: 'vanished before they were read',
  unreadable: 'could not be read',
  'too-large': 'are larger than the source allows',
  'other-filesystem': 'are other file systems, left out',
  special: 'are sockets and the like, left out',
  secret: 'look like secrets; encrypted like everything',
  'exposed-secret': 'of these others than their owner may read on the host: chmod 0600',
}

function filesRows({ root, files, folders, links, bytes, parent, chain, fullBecause, passes, notices }: FilesFacts) {
  const told = Object.entries(notices).map(([notice, { count, paths }]): [string, string] => {
    const more = count > SHOWN_PARTS ? ` and ${count - SHOWN_PARTS} more` : ''
    return ['note', `${count} ${TOLD[notice as FileNotice]}: ${paths.slice(0, SHOWN_PARTS).join(', ')}${more}`]
  })
  const rows: [string, string | undefined][] = [
    ['tree', root],
    ['holds', `${files} files of ${formatBytes(bytes)}, ${folders} folders, ${links} links`],
    ['chain', parent === undefined ? 'full' : `incremental ${chain} after its full one, on ${parent}`],
    ['full', fullBecause && `because ${fullBecause}`],
    ['passes', passes === 1 ? undefined : `${passes}, for files were rotated while they were read`],
    ...told,
  ]
  return rows
}

function holdings({ tables, rows, databaseBytes }: BackupSummary): string {
  if (tables === null) return `${formatBytes(databaseBytes)} in the cluster`
  return `${tables} tables, ${rows ?? '?'} rows, ${formatBytes(databaseBytes)} in the database`
}
