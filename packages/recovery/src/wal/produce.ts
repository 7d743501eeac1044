import { type SegmentName, segmentRange } from '@lifeboat/shared/domain/wal.ts'
import { forget } from '@lifeboat/shared/service/forget.ts'
import { findWal, type SegmentPart, type WalSupply } from './find-wal.ts'
import { checkPages, type WalIdentity } from './page-header.ts'
import type { ReadWal } from './read-object.ts'

/**
 * The file PostgreSQL asks for, whole and checked; undefined when the archive ends before it.
 *
 * A segment of which only the beginning was shipped is filled up with zeros, as the server itself would have left it.
 *
 * @throws LifeboatError WAL_MISSING | WAL_AMBIGUOUS | WAL_DAMAGED | WAL_FOREIGN | those of reading
 */
export async function produceWal(
  name: string,
  supply: WalSupply,
  read: ReadWal,
  of: Pick<WalIdentity, 'systemIdentifier'>,
): Promise<Buffer | undefined> {
  const found = findWal(name, supply)
  if (found.kind === 'none') return undefined
  if (found.kind === 'history') return read(found.listed)
  const identity = { ...of, segmentBytes: supply.segmentBytes }
  const [first] = found.parts
  const isWhole = first?.listed.object.kind === 'segment' && first.at === 0 && first.until === supply.segmentBytes
  const segment = isWhole ? await read(first.listed) : Buffer.alloc(supply.segmentBytes)
  if (!isWhole) for (const part of found.parts) await placePart(segment, part, read)
  const { timeline, start } = segmentRange(name as SegmentName, supply.segmentBytes)
  for (const { at, until } of found.parts)
    checkPages(segment.subarray(at, until), start + BigInt(at), timeline, identity)
  return segment
}

async function placePart(segment: Buffer, { listed, at, until }: SegmentPart, read: ReadWal): Promise<void> {
  const plain = await read(listed)
  const begins = listed.object.kind === 'piece' ? listed.object.from : 0
  plain.copy(segment, at, at - begins, until - begins)
  forget(plain)
}
