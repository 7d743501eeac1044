/** Records of a pax extended header: `<length> <key>=<value>\n`, where a value may be any bytes. */
export type PaxRecords = Map<string, Buffer>

const SPACE = 0x20
const EQUALS = 0x3d

/**
 * @throws Error – no extended header
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html – "pax Header Block"
 */
export function readPax(block: Buffer, into: PaxRecords): void {
  for (let at = 0; at < block.length; ) {
    const space = block.indexOf(SPACE, at)
    const length = space < 0 ? Number.NaN : Number(block.toString('latin1', at, space))
    const end = at + length
    if (!Number.isInteger(length) || length <= 0 || end > block.length) throw new Error('a malformed extended header')
    const equals = block.indexOf(EQUALS, space)
    if (equals < 0 || equals >= end) throw new Error('an extended header without a value')
    into.set(block.toString('latin1', space + 1, equals), block.subarray(equals + 1, end - 1))
    at = end
  }
}
