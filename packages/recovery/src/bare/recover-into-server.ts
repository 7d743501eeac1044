import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { Difference } from '@lifeboat/postgres/fingerprint/compare.ts'
import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import { isDiskFull } from '../disk-full.ts'
import type { Compared } from '../dump/compare-restored.ts'
import { beginArchive } from '../dump/fetch-archive.ts'
import { loadBeside } from '../dump/load-beside.ts'
import { type LoadingPlace, restorerMajor, runSql } from '../dump/load-dump.ts'
import { missingRoles } from '../dump/missing-roles.ts'
import type { Opened } from '../dump/open-dump.ts'
import type { Reader } from '../fetch/reader.ts'
import { asideName, NAME_BYTES, stemOf } from '../swap/aside-names.ts'
import { holdDatabase } from '../swap/hold-database.ts'
import { type Swapped, swapDatabases } from '../swap/swap-databases.ts'
import { APPLICATION, ask, checkRestored } from './check-restored.ts'
import type { DumpPlace } from './plan-dump.ts'

export type ServerPlace = Extract<DumpPlace, { database: string }>

export interface IntoServer {
  compared: Compared | undefined
  rolesCreated: string[]
  /** What became of the database that bore the name, when there was one. */
  swapped: Swapped | undefined
}

/** Whose work a half-restored database is; nobody removes what belongs to the other. */
export type Besides = 'recovering' | 'restoring'

/**
 * Restores a dump beside everything that is there, checks it, and only then gives it its name; what bore that name is put aside by the same
 * transaction. Killed before that, nothing has changed but a database `…_recovering_…`, which the next recovery removes.
 *
 * @throws LifeboatError RECOVERY_UNDER_WAY | RECOVERY_UNLIKE | RECOVERY_SWAP_BLOCKED | DRILL_RESTORE_FAILED | ARTIFACT_… | SOURCE_… | TARGET_…
 */
export async function recoverIntoServer(
  reader: Reader,
  manifest: Manifest & OfServer,
  opened: MaybeOpened,
  { server, database, replace }: ServerPlace,
  onPhase: (phase: string) => void,
): Promise<IntoServer> {
  await using _held = await holdDatabase(server, database)
  const name = besideName(database, 'recovering', randomBytes(3).toString('hex'))
  const beside = await restoreBeside(reader, manifest, opened, { server, database, name, why: 'recovering' }, onPhase)
  try {
    onPhase('swap')
    const aside = replace && asideName(database, 'before', Date.now())
    const swap = { live: database, next: name, aside, drainMs: replace?.drainMs ?? 0 }
    const swapped = await swapDatabases(server, swap, reader.run)
    return { ...beside, swapped }
  } catch (thrown) {
    await dropBeside(server, name)
    reader.run.signal.throwIfAborted()
    throw thrown
  }
}

export type MaybeOpened = Opened | { fingerprint: undefined; globals: undefined }

/**
 * Restores a dump into a database of another name, compares it with its fingerprint and analyses it. What an earlier try left is removed before;
 * when this throws nothing is left but roles. The caller holds the database (hold-database.ts).
 *
 * @throws LifeboatError RECOVERY_UNLIKE | DRILL_RESTORE_FAILED | ARTIFACT_… | SOURCE_… | TARGET_…
 */
export async function restoreBeside(
  reader: Reader,
  manifest: Manifest & OfServer,
  { fingerprint, globals }: MaybeOpened,
  { server, database, name, why }: { server: SourceConnection; database: string; name: string; why: Besides },
  onPhase: (phase: string) => void,
): Promise<Omit<IntoServer, 'swapped'>> {
  // Everything up to the first row is done while it comes.
  await using archive = beginArchive(reader, manifest)
  const { pgRestore, psql } = await clients(reader, manifest)
  const at: LoadingPlace = { connection: server, applicationName: APPLICATION }
  // A pg_restore that a killed life of the caller left behind is still at work in it.
  await dropBeside(server, name)
  await dropLeftovers(server, database, why)
  onPhase('restore')
  const { sql, created: rolesCreated } = missingRoles(globals ?? '', await rolesOf(server))
  if (rolesCreated.length > 0) await runSql(sql, psql, at, reader.run)
  try {
    const jobs = availableParallelism()
    await loadBeside(archive, manifest, at, { name, pgRestore, psql, jobs }, reader.run)
    // A large file takes a while to go; whether it went is asked at the end.
    archive.remove().catch(() => {})
    const restored = { ...server, database: name }
    const compared = await checkRestored(reader, restored, fingerprint, forgiveNeighbours, onPhase)
    onPhase('analyze')
    await ask(restored, 'analyze')
    reader.run.signal.throwIfAborted()
    return { compared, rolesCreated }
  } catch (thrown) {
    if (isDiskFull(thrown)) await makeRoomBeside(server, name)
    await dropBeside(server, name)
    reader.run.signal.throwIfAborted()
    throw thrown
  }
}

/**
 * Lets the largest tables go. A database is dropped with a checkpoint, and a server whose disk has no room for that goes down; a table goes without.
 */
export async function makeRoomBeside(server: SourceConnection, name: string): Promise<void> {
  await ask({ ...server, database: name }, LET_LARGEST_GO).catch(() => {})
}

const LET_LARGEST_GO = `do $$ declare large regclass; begin
  for large in
    select oid from pg_class where relkind = 'r' and oid >= 16384 order by pg_table_size(oid) desc limit 20
  loop
    execute format('drop table if exists %s cascade', large);
  end loop;
end $$`

/** Nobody but us was ever in it. */
export async function dropBeside(server: SourceConnection, name: string): Promise<void> {
  await ask(server, `drop database if exists ${quoteIdent(name)} with (force)`).catch(() => {})
}

export async function databaseNames(server: SourceConnection): Promise<Set<string>> {
  const rows = await ask(server, 'select datname as name from pg_database')
  return new Set(rows.map(({ name }) => String(name)))
}

/** Six digits or letters. */
const SUFFIX_BYTES = 6

export function besideName(database: string, why: Besides, suffix: string): string {
  return `${besideStem(database, why)}${suffix}`
}

/** What a killed recovery of this database left; nobody else works on it while it is held. */
export async function dropLeftovers(server: SourceConnection, database: string, why: Besides): Promise<void> {
  const stem = besideStem(database, why)
  const own = (name: string) => name.startsWith(stem) && /^[0-9a-z]{6}$/.test(name.slice(stem.length))
  const left = [...(await databaseNames(server))].filter(own)
  // One that is in use is somebody's who came by another maintenance database: locks are per database.
  for (const name of left) await ask(server, `drop database if exists ${quoteIdent(name)}`).catch(() => {})
}

function besideStem(database: string, why: Besides): string {
  const tail = `_${why}_`
  return `${stemOf(database, NAME_BYTES - tail.length - SUFFIX_BYTES)}${tail}`
}

/** What belongs to the whole server is not ours to change there. */
function forgiveNeighbours({ area, object }: Difference): string | undefined {
  const shared = ['roles', 'memberships', 'role passwords', 'tablespaces'].includes(area)
  const ofEveryDatabase = area === 'settings' && /^[^|]*\|\|/.test(object)
  return shared || ofEveryDatabase ? 'It belongs to the whole server, which was left as it is.' : undefined
}

async function clients(reader: Reader, manifest: Manifest & OfServer) {
  const tools = await findPostgresTools(restorerMajor(manifest, manifest.server.major), ['pg_restore', 'psql'], reader)
  return { pgRestore: await tools.program('pg_restore'), psql: await tools.program('psql') }
}

async function rolesOf(server: SourceConnection): Promise<Set<string>> {
  const rows = await ask(server, 'select rolname as name from pg_roles')
  return new Set(rows.map(({ name }) => String(name)))
}
