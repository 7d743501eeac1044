import { type BackupRecord, stateOf } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { parseLsn, type Timeline, type WalRange } from '@lifeboat/shared/domain/wal.ts'

export interface ParentQuestion {
  /** What the catalogue knows of the source, in any order. */
  records: readonly BackupRecord[]
  /** Where the new backup goes; its parents must be there too. */
  targets: readonly TargetId[]
  /** Incrementals in a row. */
  maxChain: number
  server: {
    systemIdentifier: string
    timeline: Timeline
    checksums: boolean
    /** Whether `summarize_wal` is on. */
    summarizing: boolean
    /** WAL summaries it has, in any order. */
    summaries: readonly WalRange[]
  }
  /** Manifests that are still in the spool, by backup. */
  kept: ReadonlyMap<BackupId, { systemIdentifier: string }>
}

/** A backup to build on with the chain that leads to it, the full one first; or why nothing will do. */
export type ParentChoice =
  | { parent: PhysicalRecord; chain: readonly BackupId[] }
  | { parent?: undefined; fullBecause: string }

export type PhysicalRecord = BackupRecord & { physical: PhysicalFacts }

/**
 * Decides what an incremental backup is incremental to: the newest good backup of the cluster. In doubt the answer is a full one, for a chain is
 * worth no more than its weakest link.
 *
 * A backup that enough targets hold is preferred; where none has come so far, one that is on its way will do.
 */
export function chooseParent(question: ParentQuestion): ParentChoice {
  const newest = newestGood(question)
  if (typeof newest === 'string') return { fullBecause: newest }
  const chain = chainOf(newest, question)
  if (typeof chain === 'string') return { fullBecause: chain }
  const fullBecause = unfit(newest, question)
  return fullBecause === undefined ? { parent: newest, chain } : { fullBecause }
}

function newestGood({ records, targets }: ParentQuestion): PhysicalRecord | string {
  const physical = records.filter(isPhysical).toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
  if (physical.length === 0) return 'no earlier backup of this cluster is known'
  const everywhere = physical.filter(({ copies }) => targets.every((target) => copies[target] !== undefined))
  if (everywhere.length === 0) return `no earlier backup went to all of ${targets.join(', ')}`
  for (const record of everywhere) {
    const flaw = flawOf(record, targets)
    if (flaw !== undefined) return flaw
    if (stateOf(record) !== 'sealed') return record
  }
  return everywhere[0] as PhysicalRecord
}

/** The way back to the full backup. */
function chainOf(newest: PhysicalRecord, { records, targets }: ParentQuestion): BackupId[] | string {
  const chain = [newest.backupId]
  for (let link = newest; link.physical.parent !== undefined; ) {
    const { parent } = link.physical
    const found = records.filter(isPhysical).find(({ backupId }) => backupId === parent)
    if (found === undefined || chain.includes(parent)) return `${parent}, on which ${link.backupId} builds, is gone`
    const flaw = flawOf(found, targets)
    if (flaw !== undefined) return flaw
    chain.unshift(parent)
    link = found
  }
  return chain
}

/** Why a backup cannot be built on at these targets. */
export function flawOf({ backupId, copies }: BackupRecord, targets: readonly TargetId[]): string | undefined {
  for (const target of targets) {
    const state = copies[target]?.state
    if (state === undefined) return `${backupId} did not go to ${target}`
    if (state === 'disproven') return `a drill disproved ${backupId} at ${target}`
    if (state === 'refused') return `${target} refused ${backupId}`
  }
  return undefined
}

function unfit({ backupId, physical }: PhysicalRecord, question: ParentQuestion): string | undefined {
  const { server, kept, maxChain } = question
  const manifest = kept.get(backupId)
  if (manifest === undefined) return `the manifest of ${backupId} is not in the spool of this agent`
  if (manifest.systemIdentifier !== server.systemIdentifier)
    return `${backupId} is of another cluster: ${manifest.systemIdentifier}, and the server says ${server.systemIdentifier}`
  if (physical.timeline !== server.timeline)
    return `the timeline changed from ${physical.timeline} to ${server.timeline} since ${backupId}`
  if (physical.checksums.enabled !== server.checksums)
    return `data checksums were switched ${server.checksums ? 'on' : 'off'} since ${backupId}`
  if (physical.chain >= maxChain) return `${physical.chain} incrementals in a row are as many as the policy wants`
  if (!server.summarizing) return 'summarize_wal is off on the server'
  if (!areSummarized(parseLsn(physical.startLsn), server)) return `WAL summaries since ${backupId} are missing`
  return undefined
}

/** Whether summaries follow each other from here to the newest; what is not summarized yet the server waits for. */
function areSummarized(from: bigint, { summaries, timeline }: ParentQuestion['server']): boolean {
  const later = summaries
    .filter((range) => range.timeline === timeline && range.end > from)
    .toSorted((a, b) => (a.start < b.start ? -1 : 1))
  let at = from
  for (const { start, end } of later) {
    if (start > at) return false
    if (end > at) at = end
  }
  return true
}

function isPhysical(record: BackupRecord): record is PhysicalRecord {
  return record.sealedAt !== undefined && record.physical !== undefined
}
