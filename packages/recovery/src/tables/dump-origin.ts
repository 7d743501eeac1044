import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { connectSource, type SourceClient, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { listTables, measureTable } from '@lifeboat/postgres/fingerprint/tables.ts'
import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import { measureSequencesOf } from '@lifeboat/postgres/table-export/describe-tables.ts'
import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { findPostgresTools, type Program } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { dropBeside, dropLeftovers, makeRoomBeside } from '../bare/recover-into-server.ts'
import { isDiskFull } from '../disk-full.ts'
import { askArchive, choosing } from '../dump/archive-list.ts'
import { fetchArchive } from '../dump/fetch-archive.ts'
import { type LoadingPlace, restoreArchive, restorerMajor } from '../dump/load-dump.ts'
import type { Reader } from '../fetch/reader.ts'
import { type ArchiveEntry, contentsOf, definitionsOf, readEntries } from './archive-entries.ts'
import { databaseOrigin, demandTables } from './database-origin.ts'
import { TABLES_SESSION } from './one-transaction.ts'
import type { TableOrigin } from './origin.ts'

export interface Scratch {
  /** Another database of the server on which it is made. */
  server: SourceConnection
  /** The live one. */
  database: string
  /** Of the scratch database. */
  name: string
}

/** Definitions as they were; but nothing about who may do what, for nobody else comes in. */
const DEFINITIONS = [
  '--section=pre-data',
  '--no-owner',
  '--no-privileges',
  '--no-comments',
  '--no-security-labels',
  '--no-tablespaces',
]

/**
 * A dump: its definitions and the rows of these tables alone, restored into a database beside and held against the fingerprint of the dump, where there is one. It is dropped when
 * it is disposed of.
 *
 * @throws LifeboatError RESTORE_TABLE_ABSENT | RECOVERY_UNLIKE | DRILL_RESTORE_FAILED | ARTIFACT_… | SOURCE_… | TARGET_…
 */
export async function dumpOrigin(
  reader: Reader,
  { manifest, fingerprint }: { manifest: Manifest & OfServer; fingerprint: Fingerprint | undefined },
  { server, database, name }: Scratch,
  wanted: readonly TableRef[],
  onPhase: (phase: string) => void,
): Promise<TableOrigin> {
  const { run } = reader
  await using opening = new AsyncDisposableStack()
  // A pg_restore that a killed life of the caller left behind is still at work in it.
  await dropBeside(server, name)
  await dropLeftovers(server, database, 'restoring')
  const tools = await findPostgresTools(restorerMajor(manifest, manifest.server.major), ['pg_restore'], reader)
  const program = await tools.program('pg_restore')
  onPhase('fetch')
  const archive = await fetchArchive(reader, manifest, 'fetch')
  opening.defer(() => rm(archive, { force: true }))
  opening.defer(() => dropBeside(server, name))
  const place = { connection: { ...server, database: name }, applicationName: TABLES_SESSION.applicationName }
  const entries = readEntries(await askArchive(archive, ['--list', '--verbose'], program, run))
  const dump: DumpThere = { archive, entries, program, place, run }
  const make = () => makeDatabase(server, name, manifest)
  await make()
  onPhase('restore')
  await restoreDefinitions(dump, wanted, async () => {
    await dropBeside(server, name)
    await make()
  })
  const parts = await loadRows(dump, wanted).catch(async (thrown: unknown) => {
    if (isDiskFull(thrown)) await makeRoomBeside(server, name)
    throw thrown
  })
  await rm(archive, { force: true })
  onPhase('measure')
  await compareRows(place.connection, parts, fingerprint)
  const from = await databaseOrigin(place.connection, { wanted }, run)
  opening.use(from)
  const owned = opening.move()
  return { ...from, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function makeDatabase(server: SourceConnection, name: string, { server: was }: OfServer): Promise<void> {
  await using client = await connectSource(server, TABLES_SESSION)
  const locale = `lc_collate ${quoteLiteral(was.collate)} lc_ctype ${quoteLiteral(was.ctype)}`
  await client.query(
    `create database ${quoteIdent(name)} template template0 encoding ${quoteLiteral(was.encoding)} ${locale}`,
  )
}

interface DumpThere {
  archive: string
  entries: readonly ArchiveEntry[]
  program: Program
  place: LoadingPlace
  run: Run
}

/**
 * Of everything, for what a function needs that is written as text nobody knows. Where the server refuses that, an extension for instance that can live in one database
 * only, what the tables are known to need has to do.
 */
async function restoreDefinitions(
  { archive, entries, program, place, run }: DumpThere,
  wanted: readonly TableRef[],
  anew: () => Promise<void>,
): Promise<void> {
  const restore = (more: readonly string[]) => restoreArchive(archive, place, { program, jobs: 1, more }, run)
  try {
    await restore(DEFINITIONS)
  } catch (err) {
    if (!LifeboatError.is(err, 'DRILL_RESTORE_FAILED')) throw err
    run.log.warn(
      { event: 'restore.fewer-definitions', err },
      'not everything could be defined; the tables are tried alone',
    )
    await anew()
    const lines = definitionsOf(entries, wanted).map(({ line }) => line)
    await choosing(archive, lines, (chosen) => restore([...DEFINITIONS, chosen]))
  }
}

/** @returns the tables that hold the rows: of a partitioned one its parts */
async function loadRows(
  { archive, entries, program, place, run }: DumpThere,
  wanted: readonly TableRef[],
): Promise<TableRef[]> {
  await using client = await connectSource(place.connection, TABLES_SESSION)
  await client.query('begin read only')
  await pinSettings(client)
  const tables = await demandTables(client, wanted)
  const parts = await partsOf(
    client,
    tables.map(({ oid }) => oid),
  )
  const sequences = await measureSequencesOf(client, tables)
  await client.query('commit')
  const lines = contentsOf(entries, [...parts, ...sequences]).map(({ line }) => line)
  await choosing(archive, lines, (chosen) => {
    const more = ['--data-only', '--no-owner', '--no-privileges', chosen]
    return restoreArchive(archive, place, { program, jobs: availableParallelism(), more }, run)
  })
  return parts
}

async function partsOf(client: SourceClient, oids: readonly string[]): Promise<TableRef[]> {
  const { rows } = await client.query<TableRef>(
    `select n.nspname as schema, c.relname as name
       from unnest($1::oid[]) as t (oid) cross join lateral (select t.oid union select relid from pg_partition_tree(t.oid)) part
       join pg_class c on c.oid = part.oid and c.relkind = 'r' join pg_namespace n on n.oid = c.relnamespace`,
    [oids],
  )
  return rows
}

/** @throws LifeboatError RECOVERY_UNLIKE */
async function compareRows(
  connection: SourceConnection,
  parts: readonly TableRef[],
  fingerprint: Fingerprint | undefined,
): Promise<void> {
  if (!fingerprint) return
  await using client = await connectSource(connection, TABLES_SESSION)
  await client.query('begin read only')
  await pinSettings(client)
  const all = await listTables(client)
  const differences: string[] = []
  for (const part of parts) {
    const is = ({ schema, name }: TableRef) => schema === part.schema && name === part.name
    const [before, table] = [fingerprint.tables.find(is), all.find(is)]
    const found = table && before && (await measureTable(client, table, before.hash !== undefined))
    if (found?.rows !== before?.rows)
      differences.push(`${titleOf(part)} has ${found?.rows} rows instead of ${before?.rows}.`)
    else if (found?.hash !== before?.hash) differences.push(`Rows of ${titleOf(part)} differ from what was backed up.`)
  }
  if (differences.length > 0) throw new LifeboatError('RECOVERY_UNLIKE', { differences, count: differences.length })
}
