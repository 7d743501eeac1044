import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, glob } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The majors Lifeboat backs up and restores; an older or newer server alone does not count as found. */
export const POSTGRES_MAJORS = { oldest: 15, newest: 18 }

/** Where packages put PostgreSQL's server programs besides PATH: Debian, PGDG on Fedora, Homebrew on both kinds of Mac. */
const POSTGRES_FOLDERS = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
]

/** One thing the machine must have; `name` is its Debian package as well. */
export type NeedName = 'postgresql' | 'nats-server' | 'age' | 'zstd' | 'curl' | 'attr'

/** What each package is known by. Extended attributes are set and read by programs of their own on Linux only. */
const PROGRAMS: readonly (readonly [NeedName, string])[] = [
  ['nats-server', 'nats-server'],
  ['age', 'age'],
  ['zstd', 'zstd'],
  ['curl', 'curl'],
  ...(process.platform === 'linux' ? [['attr', 'setfattr'] as const] : []),
]

export interface Found {
  name: NeedName
  /** `15.18`; for PostgreSQL the newest usable one. */
  version: string
}

export interface Inventory {
  found: Found[]
  missing: NeedName[]
  /** Usable PostgreSQL majors, ascending. */
  postgresMajors: number[]
}

/** Looks for the programs on this machine: in `path` (a PATH value) and, for PostgreSQL, in `folders` too. Starts each once to read its version. */
export async function takeInventory(path: string, folders: readonly string[] = POSTGRES_FOLDERS): Promise<Inventory> {
  const [servers, ...versions] = await Promise.all([
    postgresServers(path, folders),
    ...PROGRAMS.map(([, program]) => versionOf(program, path)),
  ])
  const newest = servers.at(-1)
  const rows = [
    { name: 'postgresql' as const, version: newest?.version },
    ...PROGRAMS.map(([name], index) => ({ name, version: versions[index] })),
  ]
  return {
    found: rows.filter((row): row is Found => row.version !== undefined),
    missing: rows.filter((row) => row.version === undefined).map((row) => row.name),
    postgresMajors: [...new Set(servers.map((server) => server.major))],
  }
}

async function postgresServers(
  path: string,
  patterns: readonly string[],
): Promise<{ major: number; version: string }[]> {
  const folders = new Set([...path.split(delimiter).filter(Boolean), ...(await Array.fromAsync(glob(patterns)))])
  const versions = await Promise.all([...folders].map(serverVersion))
  return versions
    .filter((version) => version !== undefined)
    .map((version) => ({ version, major: Number.parseInt(version, 10) }))
    .filter(({ major }) => major >= POSTGRES_MAJORS.oldest && major <= POSTGRES_MAJORS.newest)
    .sort((one, other) => one.major - other.major)
}

/** A folder counts only with all three: some systems link a lone `initdb` or `pg_dump` into PATH. */
async function serverVersion(folder: string): Promise<string | undefined> {
  const programs = ['initdb', 'pg_dump', 'postgres'].map((program) => join(folder, program))
  const there = await Promise.all(programs.map(isExecutable))
  return there.every(Boolean) ? askVersion(join(folder, 'postgres')) : undefined
}

async function versionOf(program: string, path: string): Promise<string | undefined> {
  for (const folder of [...path.split(delimiter).filter(Boolean), '/usr/sbin']) {
    if (await isExecutable(join(folder, program))) return askVersion(join(folder, program))
  }
  return undefined
}

async function askVersion(program: string): Promise<string | undefined> {
  const { stdout } = await run(program, ['--version'], { timeout: 10_000 }).catch(() => ({ stdout: '' }))
  return (/\d+(\.\d+)+/.exec(stdout) ?? /\d+/.exec(stdout))?.[0] // `18rc1` has no dot, and zstd says `(64-bit)` first
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
