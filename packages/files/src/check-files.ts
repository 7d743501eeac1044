import { accessSync, constants, type Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { fine, lacking, note, type SourceFinding } from '@lifeboat/postgres/source-finding.ts'
import { findProgram, type Search } from '@lifeboat/postgres/tools/find-tools.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { isExposed, isSecretName } from './gate/looks-secret.ts'
import { printable } from './printable.ts'
import type { FilesSourceConfig } from './source-config.ts'
import { startingPoints } from './take/starting-points.ts'
import { walkTree } from './take/walk-tree.ts'

const NAMED = 5

/**
 * Looks at what a backup of a tree would take: whether all of it can be read by the account this runs as, what is left out, and which secrets lie in
 * plain sight by their names; changes nothing and reads no file. Asks about each once, so a million of them take a while.
 */
export async function checkFiles(
  source: FilesSourceConfig,
  search: Search,
  signal: AbortSignal,
): Promise<SourceFinding[]> {
  const root = await lstat(source.root).catch((err: NodeJS.ErrnoException) => err.code)
  if (typeof root !== 'object' || !root.isDirectory())
    return [
      lacking('root', `${source.root} is no folder that can be entered${typeof root === 'string' ? ` (${root})` : ''}`),
    ]
  const tools = await toolsFinding(search)
  const points = await startingPoints(source.root, source.include)
  if (points.length === 0) return [tools, lacking('root', `nothing under ${source.root} fits what the source includes`)]
  const seen: Seen = { files: 0, bytes: 0, unreadable: [], tooLarge: [], mounts: new Map(), secrets: [], exposed: [] }
  await walkTree(source, points, (name, stat) => look(source, root.dev, seen, name, stat), signal)
  return [
    ...[fine('root', `${source.root} is there`), tools, readableFinding(seen, source)],
    ...[...tooLargeFindings(seen, source), ...mountFindings(seen, source), ...secretFindings(seen)],
  ]
}

interface Seen {
  files: number
  bytes: number
  unreadable: Buffer[]
  tooLarge: Buffer[]
  /** The first folder of each other file system. */
  mounts: Map<number, Buffer>
  secrets: Buffer[]
  exposed: Buffer[]
}

function look({ root, maxFileBytes }: FilesSourceConfig, device: number, seen: Seen, name: Buffer, stat: Stats): void {
  if (!stat.isDirectory() && !stat.isFile()) return
  if (stat.isFile() && maxFileBytes !== undefined && stat.size > maxFileBytes) {
    seen.tooLarge.push(name)
    return
  }
  seen.files++
  seen.bytes += stat.isFile() ? stat.size : 0
  if (stat.dev !== device && !seen.mounts.has(stat.dev)) seen.mounts.set(stat.dev, name)
  const rights = stat.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK
  if (!isAllowed(Buffer.concat([Buffer.from(`${root}/`), name]), rights)) seen.unreadable.push(name)
  const text = name.toString('latin1')
  // Only its contents tell a certificate from a private key.
  if (!stat.isFile() || !isSecretName(text) || text.endsWith('.pem')) return
  seen.secrets.push(name)
  if (isExposed(stat)) seen.exposed.push(name)
}

function isAllowed(path: Buffer, rights: number): boolean {
  try {
    accessSync(path, rights)
    return true
  } catch {
    return false
  }
}

async function toolsFinding(search: Search): Promise<SourceFinding> {
  try {
    await Promise.all(['tar', 'zstd', 'age'].map((name) => findProgram(name, search)))
    return fine('tools', 'tar, zstd and age are here')
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    const message = `${String(err.facts.tool)} is missing: install ${String(err.facts.package)}`
    return { ...lacking('tools', message), error: err.toReport() }
  }
}

function readableFinding({ files, bytes, unreadable }: Seen, { unreadable: means }: FilesSourceConfig): SourceFinding {
  if (unreadable.length === 0)
    return fine('files', `all ${files} files and folders can be read, ${formatBytes(bytes)} of contents`)
  const message = `${unreadable.length} cannot be read by this account: ${list(unreadable)}`
  return means === 'fail'
    ? lacking('files', message)
    : note('files', `${message}; the backup will lack them and say so`)
}

function tooLargeFindings({ tooLarge }: Seen, { maxFileBytes = 0 }: FilesSourceConfig): SourceFinding[] {
  if (tooLarge.length === 0) return []
  const message = `${tooLarge.length} are larger than ${formatBytes(maxFileBytes)} and left out (maxFileBytes): ${list(tooLarge)}`
  return [note('files', message)]
}

/** Secrets are backed up and encrypted; that others on this host may read them is worth a word. */
function secretFindings({ secrets, exposed }: Seen): SourceFinding[] {
  if (secrets.length === 0) return []
  if (exposed.length === 0)
    return [fine('secrets', `${secrets.length} look like secrets; only their owners may read them`)]
  return [note('secrets', `${exposed.length} look like secrets and can be read by others: ${list(exposed)}`)]
}

function mountFindings({ mounts }: Seen, { oneFilesystem }: FilesSourceConfig): SourceFinding[] {
  if (mounts.size === 0) return []
  const what = oneFilesystem ? 'are left out (oneFilesystem)' : 'are backed up too'
  return [note('mounts', `other file systems inside ${what}: ${list([...mounts.values()])}`)]
}

function list(paths: readonly Buffer[]): string {
  const shown = paths.toSorted(Buffer.compare).slice(0, NAMED).map(printable).join(', ')
  return paths.length > NAMED ? `${shown} and ${paths.length - NAMED} more` : shown
}
