import { formatLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** What WAL must be to belong to this recovery. */
export interface WalIdentity {
  systemIdentifier: string
  segmentBytes: number
}

const LONG_HEADER_BYTES = 40
const IS_LONG = 0x0002
const PAGE_BYTES = 8192

/**
 * Looks at the page headers at the beginning and at the end of a stretch of WAL: right cluster, right place, a timeline that may stand there.
 *
 * The first segment of a timeline repeats pages of its parent, so an older timeline is fine.
 *
 * @param start position of the first byte; a stretch that begins inside a page is looked at from the next page on
 * @throws LifeboatError WAL_FOREIGN | WAL_DAMAGED
 * @see https://doxygen.postgresql.org/xlog__internal_8h_source.html – XLogPageHeaderData, XLogLongPageHeaderData
 */
export function checkPages(wal: Buffer, start: bigint, timeline: Timeline, of: WalIdentity): void {
  const toFirst = Number((BigInt(PAGE_BYTES) - (start % BigInt(PAGE_BYTES))) % BigInt(PAGE_BYTES))
  if (wal.length < toFirst + LONG_HEADER_BYTES) return
  checkPage(wal.subarray(toFirst), start + BigInt(toFirst), timeline, of)
}

function checkPage(page: Buffer, address: bigint, timeline: Timeline, of: WalIdentity): void {
  const expected = formatLsn(address)
  const found = formatLsn(page.readBigUInt64LE(8))
  // Zeros behind the last record: a segment that was switched away from.
  if (page.readBigUInt64LE(8) === 0n && page.readUInt16LE(0) === 0) return
  if (found !== expected) throw new LifeboatError('WAL_DAMAGED', { problem: 'it is another place', expected, found })
  const written = page.readUInt32LE(4)
  if (written > timeline)
    throw new LifeboatError('WAL_DAMAGED', { problem: 'it is another timeline', expected: timeline, found: written })
  if ((page.readUInt16LE(2) & IS_LONG) !== 0) checkCluster(page, of)
}

function checkCluster(page: Buffer, { systemIdentifier, segmentBytes }: WalIdentity): void {
  const found = page.readBigUInt64LE(24).toString()
  if (found !== systemIdentifier) throw new LifeboatError('WAL_FOREIGN', { expected: systemIdentifier, found })
  const bytes = page.readUInt32LE(32)
  if (bytes !== segmentBytes)
    throw new LifeboatError('WAL_DAMAGED', { problem: 'other segment size', expected: segmentBytes, found: bytes })
}
