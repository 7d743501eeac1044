import { createHash, type Hash, hash as hashAtOnce } from 'node:crypto'
import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { memberLines } from '../member-line.ts'
import { printable } from '../printable.ts'
import type { TarMember } from '../tar/member.ts'
import { type TarListener, TarReader } from '../tar/read-tar.ts'
import type { GateReport } from './gate-report.ts'
import { HEAD_BYTES, isExposed, looksSecret } from './looks-secret.ts'

/** So many paths of a kind are named; the rest is counted. */
export const NAMED_PATHS = 20
const ZEROS = Buffer.alloc(1024 ** 2)
const NOTHING = Buffer.alloc(0)

export interface ArchiveGate {
  /** The piece may be overwritten afterwards. */
  add(piece: Buffer): void
  report(): Omit<GateReport, 'mounts'>
}

/** What is told while an archive passes. */
export interface GateListener {
  /** One line of the list of members, its end included. */
  line(text: string): void
  /** A member that passed whole. */
  member?(member: TarMember): void
}

/** Reads along with an archive and lists its members with the digests of what was archived – not of what is on the disk a moment later. */
export function archiveGate(to: GateListener): ArchiveGate {
  const counts = { files: 0, folders: 0, links: 0, bytes: 0 }
  const secrets: NamedFiles = { count: 0, paths: [] }
  const exposed: NamedFiles = { count: 0, paths: [] }
  let member: TarMember | undefined
  /** A file that came in one piece is hashed at once, which costs a third. */
  let sha256: string | undefined
  let hash: Hash | undefined
  let head: Buffer = NOTHING
  let problem: string | undefined
  const memberLine = memberLines()

  function update(chunk: Buffer): void {
    hash ??= createHash('sha256')
    hash.update(chunk)
  }
  const listener: TarListener = {
    begin(next) {
      member = next
      sha256 = undefined
      hash = undefined
      head = NOTHING
    },
    data(chunk) {
      if (chunk.length === member?.bytes) {
        sha256 = hashAtOnce('sha256', chunk)
        // Looked at before the piece is gone, like the digest.
        head = chunk
        return
      }
      if (head.length === 0) head = Buffer.from(chunk.subarray(0, HEAD_BYTES))
      update(chunk)
    },
    hole(bytes) {
      for (let left = bytes; left > 0; left -= ZEROS.length)
        update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS)
    },
    end() {
      if (member) note(member)
    },
  }
  function note(of: TarMember): void {
    if (of.type === 'file') noteFile(of)
    else to.line(memberLine(of, undefined))
    if (of.type === 'folder') counts.folders++
    else if (of.type === 'symlink' || of.type === 'hardlink') counts.links++
    to.member?.(of)
  }
  function noteFile(of: TarMember): void {
    counts.files++
    counts.bytes += of.bytes
    to.line(memberLine(of, sha256 ?? hash?.digest('hex') ?? hashAtOnce('sha256', NOTHING)))
    if (!looksSecret(of.name, head)) return
    name(secrets, of)
    if (isExposed(of)) name(exposed, of)
  }
  const reader = new TarReader(listener)
  return {
    add(piece) {
      if (problem !== undefined) return
      try {
        reader.add(piece)
      } catch (err) {
        problem = err instanceof Error ? err.message : String(err)
      }
    },
    report() {
      const found = problem ?? (reader.complete ? undefined : 'it ends before its end')
      return { ...counts, secrets, exposed, ...(found === undefined ? {} : { problem: found }) }
    },
  }
}

function name(list: NamedFiles, { name }: TarMember): void {
  list.count++
  if (list.paths.length < NAMED_PATHS) list.paths.push(printable(Buffer.from(name, 'latin1')))
}
