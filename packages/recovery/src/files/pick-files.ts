import type { BackupId, Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Seen, Sight } from '../bare/look.ts'
import { isProven, passedOver, unprovenError } from '../bare/pick.ts'
import type { FilesManifest } from './replay-chain.ts'

export interface FilesAsked {
  sourceId: SourceId
  /** Default: the newest proven one. */
  backupId?: BackupId | undefined
  /** Only of this moment or earlier. */
  before?: Moment | undefined
  /** Also what no drill has proven. */
  unproven: boolean
}

export type FilesSeen = Seen & { manifest: FilesManifest }

export interface FilesPicked {
  /** A full backup and what builds on it, oldest first. */
  chain: readonly [FilesSeen, ...FilesSeen[]]
  /** The last of it, which is the state that comes back. */
  seen: FilesSeen
  notes: string[]
}

/**
 * Chooses which state of a tree is to come back, and what it is built on. What no drill has proven is passed over aloud; a drill of the last of a chain is one
 * of all of it.
 *
 * @throws LifeboatError RECOVERY_NOTHING_THERE | BACKUP_UNKNOWN | RECOVERY_BEFORE_WINDOW | RECOVERY_UNPROVEN | RECOVERY_PARENT_MISSING
 */
export function pickFiles(sight: Sight, { sourceId, backupId, before, unproven }: FilesAsked): FilesPicked {
  const all = sight.backups.filter(isOfFiles).filter(({ manifest }) => manifest.sourceId === sourceId)
  if (all.length === 0) {
    const distrusted = sight.distrusted.map(({ key, problem }) => `${key}: ${problem}`)
    throw new LifeboatError('RECOVERY_NOTHING_THERE', { sourceId, objects: sight.objects, distrusted })
  }
  const named = backupId === undefined ? all : all.filter(({ manifest }) => manifest.backupId === backupId)
  if (named.length === 0) throw new LifeboatError('BACKUP_UNKNOWN', { backupId })
  const inTime = before === undefined ? named : named.filter(({ manifest }) => manifest.snapshotAt <= before)
  if (inTime.length === 0)
    throw new LifeboatError('RECOVERY_BEFORE_WINDOW', { goal: before, oldest: named[0]?.manifest.snapshotAt })
  const newestFirst = inTime.toReversed()
  const seen = newestFirst.find((each) => unproven || isProven(each))
  if (!seen) throw unprovenError(newestFirst)
  return { chain: chainOf(seen, all), seen, notes: passedOver(newestFirst.slice(0, newestFirst.indexOf(seen)), seen) }
}

function chainOf(last: FilesSeen, all: readonly FilesSeen[]): [FilesSeen, ...FilesSeen[]] {
  const chain: [FilesSeen, ...FilesSeen[]] = [last]
  for (let parent = last.manifest.files.parent; parent !== undefined; parent = chain[0].manifest.files.parent) {
    const found = all.find(({ manifest }) => manifest.backupId === parent)
    if (!found || chain.includes(found))
      throw new LifeboatError('RECOVERY_PARENT_MISSING', { parent, backupId: chain[0].manifest.backupId })
    chain.unshift(found)
  }
  return chain
}

function isOfFiles(seen: Seen): seen is FilesSeen {
  return seen.manifest.files !== undefined
}
