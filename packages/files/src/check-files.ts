import type { Dirent } from 'node:fs'
import { constants } from 'node:fs'
import { access, lstat, readdir } from 'node:fs/promises'
import { fine, lacking, note, type SourceFinding } from '@lifeboat/postgres/source-finding.ts'
import { findProgram, type Search } from '@lifeboat/postgres/tools/find-tools.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { printable } from './printable.ts'
import type { FilesSourceConfig } from './source-config.ts'
import { startingPoints } from './take/starting-points.ts'

const NAMED = 5

/**
 * Looks whether everything of a tree can be read by the account this runs as; changes nothing. Asks about each file once, so a million of them
 * take a while. What is excluded is looked at all the same: only tar knows its patterns.
 */
export async function checkFiles(source: FilesSourceConfig, search: Search): Promise<SourceFinding[]> {
  const root = await lstat(source.root).catch((err: NodeJS.ErrnoException) => err.code)
  if (typeof root !== 'object' || !root.isDirectory())
    return [
      lacking('root', `${source.root} is no folder that can be entered${typeof root === 'string' ? ` (${root})` : ''}`),
    ]
  const tools = await toolsFinding(search)
  const points = await startingPoints(source.root, source.include)
  if (points.length === 0) return [tools, lacking('root', `nothing under ${source.root} fits what the source includes`)]
  const seen: Seen = { files: 0, unreadable: [], mounts: [] }
  for (const point of points) await look(source, point, root.dev, seen)
  return [fine('root', `${source.root} is there`), tools, readableFinding(seen, source), ...mountFindings(seen, source)]
}

interface Seen {
  files: number
  unreadable: Buffer[]
  mounts: Buffer[]
}

async function look(source: FilesSourceConfig, path: Buffer, device: number, seen: Seen): Promise<void> {
  const full = Buffer.concat([Buffer.from(`${source.root}/`), path])
  const stat = await lstat(full).catch(() => undefined)
  if (stat === undefined || (!stat.isDirectory() && !stat.isFile())) return
  seen.files++
  if (stat.dev !== device) {
    seen.mounts.push(path)
    if (source.oneFilesystem) return
  }
  const rights = stat.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK
  if (
    !(await access(full, rights).then(
      () => true,
      () => false,
    ))
  )
    seen.unreadable.push(path)
  else if (stat.isDirectory())
    for (const { name } of (await readdir(full, { encoding: 'buffer', withFileTypes: true })) as Dirent<Buffer>[])
      await look(source, Buffer.concat([path, Buffer.from('/'), name]), stat.dev, seen)
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

function readableFinding({ files, unreadable }: Seen, { unreadable: means }: FilesSourceConfig): SourceFinding {
  if (unreadable.length === 0) return fine('files', `all ${files} files and folders can be read`)
  const message = `${unreadable.length} cannot be read by this account: ${list(unreadable)}`
  return means === 'fail'
    ? lacking('files', message)
    : note('files', `${message}; the backup will lack them and say so`)
}

function mountFindings({ mounts }: Seen, { oneFilesystem }: FilesSourceConfig): SourceFinding[] {
  if (mounts.length === 0) return []
  const what = oneFilesystem ? 'are left out (oneFilesystem)' : 'are backed up too'
  return [note('mounts', `other file systems inside ${what}: ${list(mounts)}`)]
}

function list(paths: readonly Buffer[]): string {
  const shown = paths.slice(0, NAMED).map(printable).join(', ')
  return paths.length > NAMED ? `${shown} and ${paths.length - NAMED} more` : shown
}
