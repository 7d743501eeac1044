import { type BackupRecord, needsOf, stateOf } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { FilesFacts } from '@lifeboat/shared/domain/manifest.ts'
import { flawOf } from '../physical/choose-parent.ts'

export interface FilesQuestion {
  /** What the catalogue knows of the source, in any order. */
  records: readonly BackupRecord[]
  /** Where the new backup goes; its parents must be there too. */
  targets: readonly TargetId[]
  /** Backups in a row that hold only what changed. */
  maxChain: number
  /** What is taken of which tree, see snapshot-shelf.ts. */
  selection: string
  /** tar's snapshots that are still here, with the selection each was made for. */
  kept: ReadonlyMap<BackupId, string>
  nowMs: number
}

/** A backup to build on with the chain that leads to it, the full one first; or why nothing will do. */
export type FilesChoice =
  | { parent: FilesRecord; chain: readonly BackupId[] }
  | { parent?: undefined; fullBecause: string }

export type FilesRecord = BackupRecord & { files: FilesFacts }

/** Decides what a backup of files is incremental to: the newest good one. In doubt the answer is a full one. */
export function chooseFilesParent(question: FilesQuestion): FilesChoice {
  if (question.maxChain === 0) return { fullBecause: 'the policy wants every one full' }
  const newest = newestGood(question)
  if (typeof newest === 'string') return { fullBecause: newest }
  const chain = chainOf(newest, question)
  if (typeof chain === 'string') return { fullBecause: chain }
  const fullBecause = unfit(newest, question)
  return fullBecause === undefined ? { parent: newest, chain } : { fullBecause }
}

/** One that enough targets hold is preferred; where none has come so far, one that is on its way will do. */
function newestGood({ records, targets }: FilesQuestion): FilesRecord | string {
  const files = records.filter(isFiles).toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
  if (files.length === 0) return 'no earlier backup of these files is known'
  const everywhere = files.filter(({ copies }) => targets.every((target) => copies[target] !== undefined))
  if (everywhere.length === 0) return `no earlier backup went to all of ${targets.join(', ')}`
  for (const record of everywhere) {
    const flaw = flawOf(record, targets)
    if (flaw !== undefined) return flaw
    if (stateOf(record) !== 'sealed') return record
  }
  return everywhere[0] as FilesRecord
}

/** The way back to the full backup. */
function chainOf(newest: FilesRecord, { records, targets }: FilesQuestion): BackupId[] | string {
  const known = new Map(records.filter(isFiles).map((record) => [record.backupId, record]))
  const chain = [newest.backupId]
  for (let link = newest, [parent] = needsOf(link); parent !== undefined; [parent] = needsOf(link)) {
    const found = known.get(parent)
    if (found === undefined || chain.includes(parent)) return `${parent}, on which ${link.backupId} builds, is gone`
    const flaw = flawOf(found, targets)
    if (flaw !== undefined) return flaw
    chain.unshift(parent)
    link = found
  }
  return chain
}

function unfit({ backupId, files, startedAt }: FilesRecord, question: FilesQuestion): string | undefined {
  const selection = question.kept.get(backupId)
  if (selection === undefined) return `the snapshot of ${backupId} is not in the spool of this agent`
  if (selection !== question.selection) return `what is taken of the tree changed since ${backupId}`
  if (files.chain >= question.maxChain) return `${files.chain} incrementals in a row are as many as the policy wants`
  // tar counts what it could not read as read, and would not try again.
  const unread = files.notices.unreadable?.count ?? 0
  if (unread > 0) return `${unread} files could not be read by ${backupId}, and only a full one tries them again`
  // It compares times of change with that of its last run: behind a clock that went back, changes look old.
  if (Date.parse(startedAt) > question.nowMs) return `the clock of this host went back behind ${backupId}`
  return undefined
}

function isFiles(record: BackupRecord): record is FilesRecord {
  return record.sealedAt !== undefined && record.files !== undefined
}
