import { createHash, type Hash, hash as hashAtOnce } from 'node:crypto'
import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { memberLine } from '../member-line.ts'
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
  add(piece: Buffer): void
  report(): GateReport
}

/**
 * Reads along with an archive and lists its members with the digests of what was archived – not of what is on the disk a moment later.
 *
 * @param line takes one line of the list, its end included
 */
export function archiveGate(line: (text: string) => void): ArchiveGate {
  const counts = { files: 0, folders: 0, links: 0, bytes: 0 }
  const secrets: NamedFiles = { count: 0, paths: [] }
  const exposed: NamedFiles = { count: 0, paths: [] }
  let member: TarMember | undefined
  /** A file that came in one piece is hashed at once, which costs a third. */
  let first: Buffer | undefined
  let hash: Hash | undefined
  let head = NOTHING
  let problem: string | undefined

  function update(chunk: Buffer): void {
    hash ??= createHash('sha256')
    hash.update(chunk)
  }
  const listener: TarListener = {
    begin(next) {
      member = next
      first = undefined
      hash = undefined
      head = NOTHING
    },
    data(chunk) {
      if (member && chunk.length === member.bytes) {
        first = chunk
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
      first = undefined
    },
  }
  function note(of: TarMember): void {
    const isFile = of.type === 'file'
    const sha256 = isFile ? (hash?.digest('hex') ?? hashAtOnce('sha256', first ?? NOTHING, 'hex')) : undefined
    line(`${JSON.stringify(memberLine(of, sha256))}\n`)
    if (isFile) counts.files++
    else if (of.type === 'folder') counts.folders++
    else if (of.type === 'symlink' || of.type === 'hardlink') counts.links++
    counts.bytes += isFile ? of.bytes : 0
    if (!looksSecret(of, first?.subarray(0, HEAD_BYTES) ?? head)) return
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
  if (list.paths.length < NAMED_PATHS) list.paths.push(printable(name))
}
