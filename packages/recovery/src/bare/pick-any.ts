import type { Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type FilesPicked, pickFiles } from '../files/pick-files.ts'
import type { Sight } from './look.ts'
import { type Asked, type Picked, pick } from './pick.ts'

/** `files`: a tree, full backup and incrementals over each other. */
export type AnyPicked = Picked | ({ kind: 'files' } & FilesPicked)

/**
 * Chooses what to bring back of whatever lies there: of a tree of files its newest state, of anything else what `pick` says. Who names neither a source nor a
 * backup means the database, or where there is none the only tree.
 *
 * @throws LifeboatError RECOVERY_NOTHING_THERE | RECOVERY_CHOICE_UNCLEAR | RECOVERY_UNPROVEN | RECOVERY_BEFORE_WINDOW | RECOVERY_PARENT_MISSING | BACKUP_UNKNOWN | RECOVERY_NO_BASE
 */
export function pickAny(sight: Sight, asked: Asked): AnyPicked {
  const sourceId = treeOf(sight, asked)
  if (sourceId === undefined) return pick(sight, asked)
  const { backupId, unproven = false } = asked
  return { kind: 'files', ...pickFiles(sight, { sourceId, backupId, unproven, before: momentOf(asked) }) }
}

/** The source that is meant, when that is a tree. */
function treeOf({ backups }: Sight, { sourceId, backupId, dump }: Asked): SourceId | undefined {
  const meant = backups.findLast(
    ({ manifest }) =>
      (backupId === undefined || manifest.backupId === backupId) &&
      (sourceId === undefined || manifest.sourceId === sourceId),
  )
  if (sourceId !== undefined || backupId !== undefined) return meant?.manifest.files && meant.manifest.sourceId
  if (dump || backups.some(({ manifest }) => manifest.files === undefined)) return undefined
  const sources = [...new Set(backups.map(({ manifest }) => manifest.sourceId))]
  if (sources.length > 1) throw new LifeboatError('RECOVERY_CHOICE_UNCLEAR', { sources })
  return sources[0]
}

/** A tree is what it was at each of its backups: other goals than a time are of a cluster. */
function momentOf({ goal }: Asked): Moment | undefined {
  if (goal === undefined || goal.to === 'latest') return undefined
  if (goal.to === 'time') return goal.time
  throw new LifeboatError('RECOVERY_NO_BASE', { problem: 'a tree of files comes back as of a time, or the latest' })
}
