import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export const BLOCK_BYTES = 512

/** One member of a tar archive as PostgreSQL writes them. */
export interface TarMember {
  /** Relative, `/`-separated, without `.` and `..`. */
  name: string
  kind: 'file' | 'folder' | 'link'
  bytes: number
  mode: number
  /** Of a link. */
  leadsTo: string
}

const KINDS: Record<string, TarMember['kind']> = { '0': 'file', '\0': 'file', '5': 'folder', '2': 'link' }

/**
 * Reads the header of a member; undefined for the zeros at the end.
 *
 * Only what BASE_BACKUP writes is understood: ustar files, folders and symbolic links. Anything else is somebody else's archive.
 *
 * @throws LifeboatError ARTIFACT_UNREADABLE
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html – offsets of the fields; large sizes are base-256
 */
export function readTarHeader(block: Buffer): TarMember | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  const kind = KINDS[String.fromCharCode(block[156] as number)]
  const name = [text(block, 345, 155), text(block, 0, 100)].filter((part) => part !== '').join('/')
  if (numberAt(block, 148, 8) !== checksumOf(block)) throw unreadable('a header has a wrong checksum', name)
  if (kind === undefined) throw unreadable('a member is neither file nor folder nor link', name)
  return {
    name: safeName(name),
    kind,
    bytes: kind === 'file' ? numberAt(block, 124, 12) : 0,
    mode: numberAt(block, 100, 8),
    leadsTo: text(block, 157, 100),
  }
}

/** @throws LifeboatError ARTIFACT_UNREADABLE – it would leave the folder it is extracted to */
function safeName(name: string): string {
  const steps = name.split('/').filter((step) => step !== '' && step !== '.')
  if (name.startsWith('/') || steps.includes('..')) throw unreadable('a name leads out of the archive', name)
  return steps.join('/')
}

function checksumOf(block: Buffer): number {
  let sum = 0
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 0x20 : (block[at] as number)
  return sum
}

function text(block: Buffer, from: number, length: number): string {
  const field = block.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}

function numberAt(block: Buffer, from: number, length: number): number {
  if (((block[from] as number) & 0x80) === 0) return Number.parseInt(text(block, from, length).trim() || '0', 8)
  return Number(BigInt(`0x${block.toString('hex', from + 1, from + length)}`))
}

export function unreadable(problem: string, member: string): LifeboatError {
  return new LifeboatError('ARTIFACT_UNREADABLE', { tool: 'untar', problem, member })
}
