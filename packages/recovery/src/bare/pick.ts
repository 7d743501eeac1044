import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { PhysicalManifest } from '../extract/extract-backup.ts'
import type { Goal } from '../goal.ts'
import type { Seen, Sight } from './look.ts'

/** What somebody who has only a target asks for; everything may be left to us. */
export interface Asked {
  sourceId?: SourceId | undefined
  backupId?: BackupId | undefined
  /** A moment, which only a physical backup has. */
  goal?: Goal | undefined
  /** One database rather than the whole cluster. */
  dump?: boolean | undefined
  /** Also what no drill has proven. */
  unproven?: boolean | undefined
}

/** `cluster`: a physical backup, its chain still to be planned; `usable` are those it may begin with and all they are built on. */
export type Picked =
  | { kind: 'dump'; seen: Seen; notes: string[] }
  | { kind: 'cluster'; usable: (Seen & { manifest: PhysicalManifest })[]; from: BackupId | undefined; notes: string[] }

/**
 * Chooses what to bring back: of one source the whole cluster where there is one, because that loses least, else the newest dump. What no drill has
 * proven is passed over aloud.
 *
 * @throws LifeboatError RECOVERY_NOTHING_THERE | RECOVERY_CHOICE_UNCLEAR | RECOVERY_UNPROVEN | BACKUP_UNKNOWN | RECOVERY_NO_BASE
 */
export function pick(sight: Sight, asked: Asked): Picked {
  const all = ofOneSource(sight, asked)
  const named =
    asked.backupId === undefined ? undefined : all.find(({ manifest }) => manifest.backupId === asked.backupId)
  if (asked.backupId !== undefined && !named) throw new LifeboatError('BACKUP_UNKNOWN', { backupId: asked.backupId })
  const physical = all.filter(isPhysical)
  const wantsDump = named
    ? named.manifest.kind === 'dump'
    : asked.dump === true || (!asked.goal && physical.length === 0)
  if (!wantsDump) return pickCluster(physical, named?.manifest, asked)
  if (asked.goal)
    throw new LifeboatError('RECOVERY_NO_BASE', { problem: 'a dump is of one moment only', backupId: asked.backupId })
  return pickDump(named ? [named] : all.filter(({ manifest }) => manifest.kind === 'dump'), asked)
}

export function ofOneSource({ backups, distrusted, objects }: Sight, { sourceId }: Asked): Seen[] {
  const databases = backups.filter(({ manifest }) => manifest.server !== undefined)
  const found = databases.filter(({ manifest }) => sourceId === undefined || manifest.sourceId === sourceId)
  const sources = [...new Set(databases.map(({ manifest }) => manifest.sourceId as string))]
  if (found.length === 0)
    throw new LifeboatError('RECOVERY_NOTHING_THERE', {
      ...{ sourceId, sources, objects, distrusted: distrusted.map(told) },
    })
  if (sourceId === undefined && sources.length > 1) throw new LifeboatError('RECOVERY_CHOICE_UNCLEAR', { sources })
  return found
}

function pickDump(dumps: readonly Seen[], { unproven }: Asked): Picked {
  const newestFirst = dumps.toReversed()
  const seen = newestFirst.find((each) => unproven || isProven(each))
  if (!seen) throw unprovenError(newestFirst)
  return { kind: 'dump', seen, notes: passedOver(newestFirst.slice(0, newestFirst.indexOf(seen)), seen) }
}

/** Of the cluster that was backed up last; one that had the name of the source before comes back when a backup of it is named. */
function pickCluster(
  physical: readonly (Seen & { manifest: PhysicalManifest })[],
  named: Manifest | undefined,
  { unproven }: Asked,
): Picked {
  const from = named?.backupId
  const cluster = (named ?? physical.at(-1)?.manifest)?.server?.systemIdentifier
  const own = physical.filter(({ manifest }) => manifest.server.systemIdentifier === cluster)
  if (own.length === 0) throw new LifeboatError('RECOVERY_NO_BASE', { backups: 0 })
  const ends = own.filter((seen) => unproven || isProven(seen))
  const chosen = from === undefined ? ends : ends.filter(({ manifest }) => manifest.backupId === from)
  if (chosen.length === 0)
    throw unprovenError(
      from === undefined ? own.toReversed() : own.filter(({ manifest }) => manifest.backupId === from),
    )
  const usable = own.filter((seen) => chosen.some((end) => isGroundOf(seen, end, own)))
  const newest = own.toReversed()
  const newer = newest.slice(
    0,
    newest.findIndex((seen) => usable.includes(seen)),
  )
  return { kind: 'cluster', usable, from, notes: from === undefined ? passedOver(newer, usable.at(-1)) : [] }
}

/** Whether `end` is built on `seen`, or is it. */
function isGroundOf(seen: Seen, end: Seen, all: readonly Seen[]): boolean {
  const visited = new Set<Seen>()
  for (let at: Seen | undefined = end; at && !visited.has(at); ) {
    if (at === seen) return true
    visited.add(at)
    const parent: BackupId | undefined = at.manifest.physical?.parent
    at = all.find(({ manifest }) => manifest.backupId === parent)
  }
  return false
}

export function isProven({ drill }: Seen): boolean {
  return drill?.verdict === 'proven'
}

function isPhysical(seen: Seen): seen is Seen & { manifest: PhysicalManifest } {
  return seen.manifest.physical !== undefined && seen.manifest.server !== undefined
}

export function unprovenError(newestFirst: readonly Seen[]): LifeboatError {
  const backups = newestFirst
    .slice(0, 5)
    .map(({ manifest, drill }) => `${manifest.backupId} (${drill?.verdict ?? 'never drilled'})`)
  return new LifeboatError('RECOVERY_UNPROVEN', { backups })
}

export function passedOver(newer: readonly Seen[], than: Seen | undefined): string[] {
  if (newer.length === 0 || !than) return []
  const ids = newer.slice(0, 3).map(({ manifest }) => manifest.backupId)
  return [
    `Newer than ${than.manifest.backupId} but not proven, so passed over: ${ids.join(', ')}${newer.length > 3 ? ' and more' : ''}.`,
  ]
}

function told({ key, problem }: { key: string; problem: string }): string {
  return `${key}: ${problem}`
}
