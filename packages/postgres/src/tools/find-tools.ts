import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { askedOnce } from './asked-once.ts'
import { BASE_ENV } from './stage.ts'

const execute = promisify(execFile)

/** A program found on this machine. */
export interface Program {
  readonly path: string
  /** Its own words: `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`. */
  readonly versionLine: string
}

/** Programs of one PostgreSQL major version. */
export interface PostgresTools {
  readonly major: number
  /** @throws LifeboatError TOOL_MISSING when the folder lacks it */
  program(tool: string): Promise<Program>
}

export interface Search {
  /** Looked at before the usual places. */
  toolPaths: readonly string[]
  /** Default: the PATH of this process. */
  path?: string
  /** Folders holding one folder per version; replaced by tests. */
  versioned?: readonly { root: string; pattern: RegExp; bin: string }[]
}

const VERSIONED = [
  { root: '/usr/lib/postgresql', pattern: /^\d+$/, bin: 'bin' },
  { root: '/usr', pattern: /^pgsql-\d+$/, bin: 'bin' },
  { root: '/opt/homebrew/opt', pattern: /^postgresql@\d+$/, bin: 'bin' },
  { root: '/usr/local/opt', pattern: /^postgresql@\d+$/, bin: 'bin' },
]

/**
 * Finds the PostgreSQL programs for a server.
 *
 * The server's own major wins; without it the nearest newer one. An older pg_dump refuses a newer server, and an archive of a needlessly new
 * pg_dump could not be read by the pg_restore that belongs to the server.
 *
 * @param major of the server, 15 to 18
 * @param needed tools that must all be there, e.g. ['pg_dump', 'pg_dumpall']
 * @throws LifeboatError TOOL_MISSING with the package that brings it
 */
export async function findPostgresTools(
  major: number,
  needed: readonly string[],
  search: Search,
): Promise<PostgresTools> {
  const first = needed[0] ?? 'pg_dump'
  const found: { dir: string; major: number }[] = []
  for (const dir of await placesToLook(search)) {
    const version = await majorOf(join(dir, first))
    if (version !== undefined && version >= major && (await hasAll(dir, needed))) found.push({ dir, major: version })
    if (version === major && found.at(-1)?.dir === dir) break
  }
  // A stable sort: of two folders with the same major the one looked at first stays in front.
  const best = found.toSorted((a, b) => a.major - b.major)[0]
  if (best === undefined) throw missing(first, `postgresql-client-${major}`, { neededMajor: major })
  return {
    major: best.major,
    program: (tool) => describe(join(best.dir, tool), tool, `postgresql-client-${best.major}`),
  }
}

/**
 * Finds a program that has no PostgreSQL version: zstd, age.
 *
 * @throws LifeboatError TOOL_MISSING with the package that brings it
 */
export async function findProgram(name: string, search: Search): Promise<Program> {
  const dirs = [...search.toolPaths, ...pathOf(search)]
  for (const dir of dirs) if (await isExecutable(join(dir, name))) return describe(join(dir, name), name, name)
  throw missing(name, name, {})
}

async function placesToLook(search: Search): Promise<string[]> {
  const versioned: string[] = []
  for (const { root, pattern, bin } of search.versioned ?? VERSIONED) {
    const names = await readdir(root).catch(() => [])
    versioned.push(...names.filter((name) => pattern.test(name)).map((name) => join(root, name, bin)))
  }
  return [...search.toolPaths, ...versioned, ...pathOf(search)]
}

function pathOf(search: Search): string[] {
  return (search.path ?? process.env.PATH ?? '').split(delimiter).filter((dir) => dir.startsWith('/'))
}

async function hasAll(dir: string, tools: readonly string[]): Promise<boolean> {
  const there = await Promise.all(tools.map((tool) => isExecutable(join(dir, tool))))
  return there.every(Boolean)
}

async function majorOf(path: string): Promise<number | undefined> {
  if (!(await isExecutable(path))) return undefined
  const line = await versionLine(path).catch(() => '')
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(line) ?? []
  return major === undefined ? undefined : Number(major)
}

async function describe(path: string, tool: string, packageName: string): Promise<Program> {
  if (!(await isExecutable(path))) throw missing(tool, packageName, {})
  return { path, versionLine: await versionLine(path).catch(() => 'unknown') }
}

function versionLine(path: string): Promise<string> {
  return askedOnce(path, 'version', async () => {
    const { stdout, stderr } = await execute(path, ['--version'], { env: { ...BASE_ENV }, timeout: 10_000 })
    return (stdout || stderr).trim().split('\n')[0] ?? ''
  })
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function missing(tool: string, packageName: string, facts: Record<string, number>): LifeboatError {
  return new LifeboatError('TOOL_MISSING', { tool, package: packageName, ...facts })
}
