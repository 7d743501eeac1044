const PAGE_BYTES = 8192
const [SHORT_HEADER_BYTES, LONG_HEADER_BYTES] = [24, 40]
const GOES_ON = 0x0001
const IS_LONG = 0x0002
/** A record's own header; none is shorter. */
const RECORD_BYTES = 24
/** RM_XLOG_ID and XLOG_SWITCH: what is left of the segment counts as part of that record. */
const [XLOG_MANAGER, SWITCHES] = [0, 0x40]

/**
 * Where the last record ends of which all is there: no replay that could read everything ends before it.
 *
 * Each page says how much of a record that began earlier it still holds, and each record how long it is, so the last page that a record begins on
 * tells. A stretch on which nothing that belongs there can be read was either switched away from, and then the record of the switch reaches over
 * it, or it is damaged: a replay that read everything comes to its end in both cases.
 *
 * @param wal of one segment, from its first byte to where the archive ends or beyond
 * @param start position of the first byte
 * @returns undefined when one record fills it all
 * @see https://doxygen.postgresql.org/xlog__internal_8h_source.html – XLogPageHeaderData: xlp_info, xlp_pageaddr, xlp_rem_len
 * @see https://doxygen.postgresql.org/xlogrecord_8h_source.html – xl_tot_len
 */
export function endOfLastRecord(wal: Buffer, start: bigint): bigint | undefined {
  for (let at = wal.length - 1 - ((wal.length - 1) % PAGE_BYTES); at >= 0; at -= PAGE_BYTES) {
    const page = wal.subarray(at, at + PAGE_BYTES)
    if (page.length < SHORT_HEADER_BYTES) continue
    const address = start + BigInt(at)
    const end = page.readBigUInt64LE(8) === address ? endOnPage(page) : page.length
    if (end !== undefined) return address + BigInt(end)
  }
  return undefined
}

/** undefined: a record that began earlier goes beyond it. */
function endOnPage(page: Buffer): number | undefined {
  const goesOn = (page.readUInt16LE(2) & GOES_ON) !== 0
  let at = firstOnPage(page)
  if (at > page.length) return undefined
  // What ended with the page before ended there, not behind the header of this one.
  let end = goesOn ? at : 0
  while (at + 4 <= page.length) {
    const bytes = page.readUInt32LE(at)
    if (bytes < RECORD_BYTES) return page.length
    at += aligned(bytes)
    if (at <= page.length) end = at
  }
  return end
}

/**
 * Where the last record begins that begins in this WAL.
 *
 * @param wal of one segment, from its first byte to where the last record ends
 * @param start position of the first byte
 * @returns undefined when it began earlier
 */
export function beginOfLastRecord(wal: Buffer, start: bigint): bigint | undefined {
  for (let at = wal.length - 1 - ((wal.length - 1) % PAGE_BYTES); at >= 0; at -= PAGE_BYTES) {
    const page = wal.subarray(at, at + PAGE_BYTES)
    const address = start + BigInt(at)
    if (page.length < SHORT_HEADER_BYTES || page.readBigUInt64LE(8) !== address) continue
    const begin = beginOnPage(page)
    if (begin !== undefined) return address + BigInt(begin)
  }
  return undefined
}

/** undefined: none begins on it. */
function beginOnPage(page: Buffer): number | undefined {
  let begin: number | undefined
  for (let at = firstOnPage(page); at + 4 <= page.length; ) {
    const bytes = page.readUInt32LE(at)
    if (bytes < RECORD_BYTES) break
    begin = at
    at += aligned(bytes)
  }
  return begin
}

/** Where the first record begins on a page; behind it where none does. */
function firstOnPage(page: Buffer): number {
  const info = page.readUInt16LE(2)
  const header = (info & IS_LONG) === 0 ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES
  return header + ((info & GOES_ON) === 0 ? 0 : aligned(page.readUInt32LE(16)))
}

/**
 * Where a record ends.
 *
 * @param wal of the segment it begins in, from its first byte on
 * @param at where it begins, from there
 * @returns from there; it may end in a later segment
 */
export function endOfRecord(wal: Buffer, at: number, segmentBytes: number): number {
  const behind = (bytes: number) => goAhead(at, bytes, segmentBytes)
  const [info, manager] = [17, 18].map((bytes) => wal[behind(bytes) - 1])
  const isSwitch = manager === XLOG_MANAGER && info === SWITCHES
  return isSwitch
    ? Math.ceil(behind(RECORD_BYTES) / segmentBytes) * segmentBytes
    : behind(aligned(wal.readUInt32LE(at)))
}

/** Behind so many bytes of a record, which leaves out the headers of the pages it crosses. */
function goAhead(from: number, bytes: number, segmentBytes: number): number {
  let [at, left] = [from, bytes]
  for (;;) {
    const room = PAGE_BYTES - (at % PAGE_BYTES)
    if (left <= room) return at + left
    left -= room
    at += room
    at += at % segmentBytes === 0 ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8
}
