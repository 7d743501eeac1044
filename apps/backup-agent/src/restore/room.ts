import { stat } from 'node:fs/promises'
import { existingParent, freeBytesAt } from '@lifeboat/recovery/bare/bare-plan.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

type Disk = RestorePlan['disks'][number]

export interface RoomWanted {
  /** Where the server keeps its data; undefined: nobody could ask it. */
  folder: string | undefined
  databaseBytes: number
  /** What else takes room until it is over. */
  meanwhile: Disk | undefined
}

/** A restored database without its bloat, beside it the WAL of restoring it. */
const SERVER_ROOM_FACTOR = 1.5

/** The disks a restore fills, and whether they have room for it. */
export async function disksOf(
  { folder, databaseBytes, meanwhile }: RoomWanted,
  obstacles: ErrorReport[],
): Promise<Disk[]> {
  const room = folder === undefined ? undefined : await roomAt(folder, databaseBytes)
  const others = meanwhile ? [meanwhile] : []
  if (!room) return others
  const { path, freeBytes } = room
  const neededBytes = room.neededBytes + (await alsoNeededAt(path, meanwhile))
  if (freeBytes < neededBytes)
    obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', { path, neededBytes, freeBytes }).toReport())
  return [...others, room]
}

/** The agent lives beside the server, as a rule; where it does not, or may not look, nothing is known. */
async function roomAt(folder: string, databaseBytes: number): Promise<Disk | undefined> {
  if ((await existingParent(folder)) !== folder) return undefined
  const neededBytes = Math.round(databaseBytes * SERVER_ROOM_FACTOR)
  return { of: 'the server', path: folder, neededBytes, freeBytes: await freeBytesAt(folder) }
}

/** Where spool and server share a disk, the archive takes of the same room, and what fills up is production's. */
async function alsoNeededAt(path: string, meanwhile: Disk | undefined): Promise<number> {
  if (!meanwhile) return 0
  const [one, other] = await Promise.all([stat(path), stat(meanwhile.path)])
  return one.dev === other.dev ? meanwhile.neededBytes : 0
}
