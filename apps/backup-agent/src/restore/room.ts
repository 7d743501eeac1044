import { stat } from 'node:fs/promises'
import { existingParent, freeBytesAt } from '@lifeboat/recovery/bare/bare-plan.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

type Disk = RestorePlan['disks'][number]

export interface RoomWanted {
  /** Where the server keeps its data; undefined: nobody could ask it. */
  folder: string | undefined
  databaseBytes: number
  /** Where the archive lies meanwhile, where there is one. */
  archive: Omit<Disk, 'of'> | undefined
}

/** A restored database without its bloat, beside it the WAL of restoring it. */
const SERVER_ROOM_FACTOR = 1.5

/** The disks a restore fills, and whether they have room for it. */
export async function disksOf(
  { folder, databaseBytes, archive }: RoomWanted,
  obstacles: ErrorReport[],
): Promise<Disk[]> {
  const meanwhile: Disk[] = archive ? [{ of: 'the archive meanwhile', ...archive }] : []
  const room = folder === undefined ? undefined : await roomAt(folder, databaseBytes)
  if (!room) return meanwhile
  const { path, freeBytes } = room
  const neededBytes = room.neededBytes + (await alsoNeededAt(path, archive))
  if (freeBytes < neededBytes)
    obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', { path, neededBytes, freeBytes }).toReport())
  return [...meanwhile, room]
}

/** The agent lives beside the server, as a rule; where it does not, or may not look, nothing is known. */
async function roomAt(folder: string, databaseBytes: number): Promise<Disk | undefined> {
  if ((await existingParent(folder)) !== folder) return undefined
  const neededBytes = Math.round(databaseBytes * SERVER_ROOM_FACTOR)
  return { of: 'the server', path: folder, neededBytes, freeBytes: await freeBytesAt(folder) }
}

/** Where spool and server share a disk, the archive takes of the same room, and what fills up is production's. */
async function alsoNeededAt(path: string, archive: RoomWanted['archive']): Promise<number> {
  if (!archive) return 0
  const [one, other] = await Promise.all([stat(path), stat(archive.path)])
  return one.dev === other.dev ? archive.neededBytes : 0
}
