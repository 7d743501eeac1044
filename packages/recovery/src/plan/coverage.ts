import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Stretch } from '@lifeboat/shared/domain/timelines.ts'
import { rangeOf, type WalObject } from '@lifeboat/shared/domain/wal.ts'

/** One object of the archive as a listing of the target shows it. */
export interface ListedWal {
  key: Key
  object: WalObject
  bytes: number
  /** When the target took it, milliseconds UTC, where it tells: all WAL in it was written before. */
  storedAt?: number
}

/** How far the archive leads from a position without a hole. */
export interface Reach {
  /** First position that is not there. */
  end: bigint
  /** No transaction in the WAL up to `end` is younger; undefined where the target does not tell. */
  storedBy: number | undefined
  /** What is there behind `end`: so `end` is a hole and not the end. */
  behind: { begin: bigint; storedBy: number | undefined } | undefined
  /** Objects that hold a part of the way. */
  objects: ListedWal[]
}

interface Piece {
  begin: bigint
  end: bigint
  of: ListedWal
}

/** Follows the archive along a way, from `from` until something is missing. */
export function reachAlong(
  path: readonly Stretch[],
  from: bigint,
  listed: readonly ListedWal[],
  segmentBytes: number,
): Reach {
  const pieces = listed.flatMap((of) => pieceOn(path, of, segmentBytes)).filter(({ end }) => end > from)
  pieces.sort((a, b) => (a.begin < b.begin ? -1 : a.begin > b.begin ? 1 : 0))
  let end = from
  let used = 0
  for (const piece of pieces) {
    if (piece.begin > end) break
    if (piece.end > end) end = piece.end
    used++
  }
  const behind = pieces[used]
  const objects = pieces.slice(0, used).map(({ of }) => of)
  return {
    end,
    objects,
    storedBy: lastStored(objects),
    behind: behind && { begin: behind.begin, storedBy: behind.of.storedAt },
  }
}

/** The part of an object that lies on the way. The first segment of a timeline repeats what its parent wrote before it. */
function pieceOn(path: readonly Stretch[], of: ListedWal, segmentBytes: number): Piece[] {
  const range = rangeOf(of.object, segmentBytes)
  const stretch = path.find(({ timeline }) => timeline === range?.timeline)
  if (!range || !stretch) return []
  const first = stretch.begin - (stretch.begin % BigInt(segmentBytes))
  const begin = range.start > first ? range.start : first
  const end = stretch.end !== undefined && stretch.end < range.end ? stretch.end : range.end
  return begin < end ? [{ begin, end, of }] : []
}

function lastStored(objects: readonly ListedWal[]): number | undefined {
  if (objects.length === 0 || objects.some(({ storedAt }) => storedAt === undefined)) return undefined
  return objects.reduce((latest, { storedAt = 0 }) => Math.max(latest, storedAt), 0)
}
