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

/** A header that is about another header, or a member; `stored` is what follows in the archive, bytes. */
export type Header =
  | { is: 'extended' | 'global'; stored: number }
  | { is: 'member'; member: TarMember; stored: number; sparse: boolean }

/**
 * Reads the header of a member in POSIX (pax) format, as GNU tar writes it. Takes no view of the bytes along: they may be overwritten afterwards.
 *
 * @param at where in the bytes it begins; all of it is there
 * @param pax what an extended header before it said
 * @throws Error – something else
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html – offsets of the fields; large sizes are base-256
 */
export function readHeader(bytes: Buffer, at: number, pax: PaxRecords): Header {
  if (numberAt(bytes, at + 148, 8) !== checksumOf(bytes, at)) throw new Error('a header has a wrong checksum')
  const flag = String.fromCharCode(bytes[at + 156] as number)
  const stored = numberAt(bytes, at + 124, 12)
  if (flag === 'x') return { is: 'extended', stored }
  if (flag === 'g') return { is: 'global', stored }
  const type = TYPES[flag]
  if (type === undefined) throw new Error(`a member of the unknown type ${JSON.stringify(flag)}`)
  const version = pax.sparse?.major
  if (version !== undefined && version !== '1') throw new Error(`a sparse file in the unknown format ${version}`)
  const sparse = version === '1'
  const follows = type === 'file' ? (pax.size ?? stored) : 0
  const member = memberOf(bytes, at, pax, type, sparse ? Number(pax.sparse?.realsize) : follows)
  return { is: 'member', member, stored: follows, sparse }
}

/** Whether a block is one of the zeros at the end. */
export function isEnd(bytes: Buffer, at: number): boolean {
  for (let each = at; each < at + BLOCK_BYTES; each++) if (bytes[each] !== 0) return false
  return true
}

function memberOf(bytes: Buffer, at: number, pax: PaxRecords, type: MemberType, length: number): TarMember {
  const linked = type === 'hardlink' || type === 'symlink'
  return {
    name: trimmed(pax.sparse?.name ?? pax.path ?? nameAt(bytes, at)),
    type,
    mode: numberAt(bytes, at + 100, 8) & 0o7777,
    uid: pax.uid ?? numberAt(bytes, at + 108, 8),
    gid: pax.gid ?? numberAt(bytes, at + 116, 8),
    user: pax.uname ?? userAt(bytes, at),
    group: pax.gname ?? groupAt(bytes, at),
    bytes: length,
    mtime: pax.mtime ?? String(numberAt(bytes, at + 136, 12)),
    linksTo: linked ? (pax.linkpath ?? textAt(bytes, at + 157, 100)) : undefined,
    device:
      type === 'char' || type === 'block'
        ? { major: numberAt(bytes, at + 329, 8), minor: numberAt(bytes, at + 337, 8) }
        : undefined,
    xattrs: pax.xattrs,
    dumpdir: pax.dumpdir,
  }
}

function nameAt(bytes: Buffer, at: number): string {
  const name = textAt(bytes, at, 100)
  return bytes[at + 345] === 0 ? name : `${textAt(bytes, at + 345, 155)}/${name}`
}

function trimmed(name: string): string {
  let end = name.length
  while (end > 1 && name[end - 1] === '/') end--
  return end === name.length ? name : name.slice(0, end)
}

/** The sum of all bytes, those of the checksum itself taken for spaces. Four bytes at a time where they lie so: two in each half of two sums, which stay below 2³¹. */
function checksumOf(bytes: Buffer, at: number): number {
  const start = bytes.byteOffset + at
  if (start % 4 !== 0) return byteSum(bytes, at, 148) + 8 * 0x20 + byteSum(bytes, at + 156, BLOCK_BYTES - 156)
  const words = wordsOf(bytes)
  let [even, odd] = [0, 0]
  for (let each = start / 4; each < start / 4 + BLOCK_BYTES / 4; each++) {
    const word = words[each] as number
    even = (even + (word & 0x00ff00ff)) | 0
    odd = (odd + ((word >>> 8) & 0x00ff00ff)) | 0
  }
  const sum = (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16)
  return sum - byteSum(bytes, at + 148, 8) + 8 * 0x20
}

function byteSum(bytes: Buffer, from: number, length: number): number {
  let sum = 0
  for (let at = from; at < from + length; at++) sum += bytes[at] as number
  return sum
}

let lastBytes: Buffer | undefined
let lastWords: Int32Array = new Int32Array(0)

/** The memory bytes lie in. They are nearly always of the piece before, and to ask that for its memory takes as long as the sum. */
function wordsOf(bytes: Buffer): Int32Array {
  if (lastBytes === bytes) return lastWords
  const { buffer } = bytes
  if (lastWords.buffer !== buffer) lastWords = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4))
  lastBytes = bytes
  return lastWords
}

const userAt = repeatedAt(265, 32)
const groupAt = repeatedAt(297, 32)

/** A field that is nearly always as in the header before: no text is made of it again then. */
function repeatedAt(from: number, length: number): (bytes: Buffer, at: number) => string {
  let last = ''
  return (bytes, at) => {
    if (!isTextAt(bytes, at + from, length, last)) last = textAt(bytes, at + from, length)
    return last
  }
}

function isTextAt(bytes: Buffer, from: number, length: number, text: string): boolean {
  for (let no = 0; no < text.length; no++) if (bytes[from + no] !== text.charCodeAt(no)) return false
  return text.length === length || bytes[from + text.length] === 0
}

function textAt(bytes: Buffer, from: number, length: number): string {
  let end = from
  while (end < from + length && bytes[end] !== 0) end++
  return end === from ? '' : bytes.toString('latin1', from, end)
}

/** Octal digits, or base-256 where the first bit is set. */
function numberAt(bytes: Buffer, from: number, length: number): number {
  if (((bytes[from] as number) & 0x80) !== 0)
    return Number(BigInt(`0x${bytes.toString('hex', from + 1, from + length)}`))
  let value = 0
  for (let at = from; at < from + length; at++) {
    const digit = (bytes[at] as number) - 0x30
    if (digit >= 0 && digit <= 7) value = value * 8 + digit
    else if (digit !== -16) break
  }
  return value
}
