import { constants } from 'node:fs'
import { access, readdir, readFile } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { ConfigPlaces } from './cluster-facts.ts'

export interface ConfigFiles {
  /** Absolute paths outside the data directory, readable here. */
  files: string[]
  /** What could not be taken and why, a sentence each. */
  left: string[]
}

/**
 * The configuration files that no base backup holds, because they lie outside the data directory (as Debian has it), and the files they
 * include. They are read as files, so the server must be on this host.
 *
 * @param places as the server names them; undefined when the role may not know
 * @param host how the server is reached
 */
export async function findConfigFiles(places: ConfigPlaces | undefined, host: string): Promise<ConfigFiles> {
  if (places === undefined)
    return { files: [], left: ['the role may not see where configuration files lie (pg_read_all_settings)'] }
  const isInside = (path: string) => path.startsWith(`${resolve(places.dataDirectory)}/`)
  const outside = places.files.filter((path) => !isInside(path))
  if (outside.length === 0) return { files: [], left: [] }
  if (!isThisHost(host)) return { files: [], left: outside.map((path) => `${path} is on another host (${host})`) }
  const found: ConfigFiles = { files: [], left: [] }
  const seen = new Set<string>()
  for (const path of outside) await follow(path, found, seen, isInside)
  return { files: found.files.toSorted(), left: found.left }
}

/** Takes a file and what it includes. */
async function follow(
  path: string,
  found: ConfigFiles,
  seen: Set<string>,
  isInside: (path: string) => boolean,
): Promise<void> {
  if (seen.has(path)) return
  seen.add(path)
  const readable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
  if (!readable) {
    found.left.push(`${path} cannot be read by this process`)
    return
  }
  if (!isInside(path)) found.files.push(path)
  for (const included of await includesOf(path)) await follow(included, found, seen, isInside)
}

/** `include 'x'`, `include_if_exists 'x'` and `include_dir 'x'`, in postgresql.conf and (PostgreSQL 16 on) in pg_hba.conf and pg_ident.conf. */
const INCLUDE = /^[ \t]*(include(?:_if_exists|_dir)?)[ \t]*=?[ \t]*(?:'([^']+)'|"([^"]+)"|([^\s'"#]+))/gim

async function includesOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8')
  const included: string[] = []
  for (const [, directive = '', ...names] of text.matchAll(INCLUDE)) {
    const target = resolve(dirname(path), names.find((name) => name !== undefined) ?? '')
    included.push(...(await targetsOf(directive.toLowerCase(), target)))
  }
  return included
}

/** A folder or an optional file that is not there includes nothing. */
async function targetsOf(directive: string, target: string): Promise<string[]> {
  if (directive === 'include') return [target]
  const folder = directive === 'include_dir' ? target : dirname(target)
  const names: string[] = await readdir(folder).catch(() => [])
  if (directive === 'include_if_exists') return names.includes(target.slice(dirname(target).length + 1)) ? [target] : []
  return names
    .filter((name) => name.endsWith('.conf') && !name.startsWith('.'))
    .toSorted()
    .map((name) => join(target, name))
}

/** NOTE an address of this host that is forwarded into a container or elsewhere passes for this host. */
function isThisHost(host: string): boolean {
  if (host.startsWith('/') || host === 'localhost' || host === hostname()) return true
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return host.startsWith('127.') || host === '::1' || own.some(({ address }) => address === host)
}
