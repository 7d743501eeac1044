const SPACE = 0x20
const EQUALS = 0x3d
const ZERO = 0x30
const XATTR = 'SCHILY.xattr.'

/** What extended headers say about the member behind them; values may be any bytes, kept as latin1. Nearly every file has one, for the fraction of its time. */
export class PaxRecords {
  mtime: string | undefined
  path: string | undefined
  linkpath: string | undefined
  size: number | undefined
  uid: number | undefined
  gid: number | undefined
  uname: string | undefined
  gname: string | undefined
  xattrs: Map<string, string> | undefined
  dumpdir: string | undefined
  sparse: { major?: string; name?: string; realsize?: number } | undefined

  set(key: string, value: string): void {
    if (key === 'mtime' || key === 'path' || key === 'linkpath' || key === 'uname' || key === 'gname') this[key] = value
    else if (key === 'size' || key === 'uid' || key === 'gid') this[key] = Number(value)
    else if (key === 'GNU.dumpdir') this.dumpdir = value
    else if (key === 'GNU.sparse.major') this.sparse = { ...this.sparse, major: value }
    else if (key === 'GNU.sparse.name') this.sparse = { ...this.sparse, name: value }
    else if (key === 'GNU.sparse.realsize') this.sparse = { ...this.sparse, realsize: Number(value) }
    else if (key.startsWith(XATTR)) {
      this.xattrs ??= new Map()
      this.xattrs.set(decoded(key.slice(XATTR.length)), value)
    }
  }
}

/**
 * Reads an extended header: records of the form `<length> <key>=<value>\n`.
 *
 * @param from and to where in the bytes it stands
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

/** tar writes `=` and `%` in the name of an attribute so. */
function decoded(key: string): string {
  return key.replaceAll('%3D', '=').replaceAll('%25', '%')
}
