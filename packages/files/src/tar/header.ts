import type { MemberType, TarMember } from './member.ts'
import type { PaxRecords } from './pax.ts'

export const BLOCK_BYTES = 512

const TYPES: Record<string, MemberType> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'folder',
  '6': 'fifo',
}
const SLASH = 0x2f

/** A header that is about another header, or a member; `stored` is what follows in the archive, bytes. */
export type Header =
  | { is: 'extended' | 'global'; stored: number }
  | { is: 'member'; member: TarMember; stored: number; sparse: boolean }

/**
 * Reads the header of a member in POSIX (pax) format, as GNU tar writes it.
 *
 * @param pax what an extended header before it said
 * @throws Error – something else
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html – offsets of the fields; large sizes are base-256
 */
export function readHeader(block: Buffer, pax: PaxRecords): Header {
  if (numberAt(block, 148, 8) !== checksumOf(block)) throw new Error('a header has a wrong checksum')
  const flag = String.fromCharCode(block[156] as number)
  const stored = numberAt(block, 124, 12)
  if (flag === 'x') return { is: 'extended', stored }
  if (flag === 'g') return { is: 'global', stored }
  const type = TYPES[flag]
  if (type === undefined) throw new Error(`a member of the unknown type ${JSON.stringify(flag)}`)
  const size = pax.has('size') ? Number(pax.get('size')) : stored
  const version = pax.get('GNU.sparse.major')?.toString()
  if (version !== undefined && version !== '1') throw new Error(`a sparse file in the unknown format ${version}`)
  const sparse = version === '1'
  const follows = type === 'file' ? size : 0
  const member = memberOf(block, pax, type, sparse ? Number(pax.get('GNU.sparse.realsize')) : follows)
  return { is: 'member', member, stored: follows, sparse }
}

export function isEnd(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0)
}

function memberOf(block: Buffer, pax: PaxRecords, type: MemberType, bytes: number): TarMember {
  const name = pax.get('GNU.sparse.name') ?? pax.get('path') ?? nameIn(block)
  const linked = type === 'hardlink' || type === 'symlink'
  const dumpdir = pax.get('GNU.dumpdir')
  let xattrs = 0
  for (const key of pax.keys()) if (key.startsWith('SCHILY.xattr.') || key.startsWith('SCHILY.acl.')) xattrs++
  return {
    name: Buffer.from(trimmed(name)),
    type,
    mode: numberAt(block, 100, 8) & 0o7777,
    uid: numberOf(pax, 'uid') ?? numberAt(block, 108, 8),
    gid: numberOf(pax, 'gid') ?? numberAt(block, 116, 8),
    user: pax.get('uname')?.toString() ?? textAt(block, 265, 32).toString(),
    group: pax.get('gname')?.toString() ?? textAt(block, 297, 32).toString(),
    bytes,
    mtime: pax.get('mtime')?.toString() ?? String(numberAt(block, 136, 12)),
    ...(linked && { linksTo: Buffer.from(pax.get('linkpath') ?? textAt(block, 157, 100)) }),
    xattrs,
    ...(dumpdir && { dumpdir: Buffer.from(dumpdir) }),
  }
}

function nameIn(block: Buffer): Buffer {
  const [prefix, name] = [textAt(block, 345, 155), textAt(block, 0, 100)]
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name])
}

function trimmed(name: Buffer): Buffer {
  let end = name.length
  while (end > 1 && name[end - 1] === SLASH) end--
  return name.subarray(0, end)
}

function numberOf(pax: PaxRecords, key: string): number | undefined {
  const value = pax.get(key)
  return value === undefined ? undefined : Number(value)
}

function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < 148; at++) sum += block[at] as number
  for (let at = 156; at < BLOCK_BYTES; at++) sum += block[at] as number
  return sum
}

function textAt(block: Buffer, from: number, length: number): Buffer {
  const field = block.subarray(from, from + length)
  const end = field.indexOf(0)
  return end < 0 ? field : field.subarray(0, end)
}

/** Octal digits, or base-256 where the first bit is set. */
function numberAt(block: Buffer, from: number, length: number): number {
  if (((block[from] as number) & 0x80) !== 0)
    return Number(BigInt(`0x${block.toString('hex', from + 1, from + length)}`))
  let value = 0
  for (let at = from; at < from + length; at++) {
    const digit = (block[at] as number) - 0x30
    if (digit >= 0 && digit <= 7) value = value * 8 + digit
    else if (digit !== -16) break
  }
  return value
}
