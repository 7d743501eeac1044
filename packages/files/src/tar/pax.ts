/** Records of a pax extended header: `<length> <key>=<value>\n`, where a value may be any bytes; kept as latin1. */
export type PaxRecords = Map<string, string>

const SPACE = 0x20
const EQUALS = 0x3d
const ZERO = 0x30

/**
 * @param from and to where in the bytes the header stands
 * @throws Error – no extended header
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html – "pax Header Block"
 */
export function readPax(bytes: Buffer, from: number, to: number, into: PaxRecords): void {
  for (let at = from; at < to; ) {
    let length = 0
    let key = at
    for (; key < to && bytes[key] !== SPACE; key++) length = length * 10 + (bytes[key] as number) - ZERO
    const end = at + length
    if (!(length > key - at && end <= to)) throw new Error('a malformed extended header')
    let equals = ++key
    while (equals < end && bytes[equals] !== EQUALS) equals++
    if (equals >= end) throw new Error('an extended header without a value')
    into.set(bytes.toString('latin1', key, equals), bytes.toString('latin1', equals + 1, end - 1))
    at = end
  }
}
