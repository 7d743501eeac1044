import type { TablesConfig } from '@lifeboat/config/schema/policy.ts'
import { about, connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { readServerFacts } from '@lifeboat/postgres/server-facts.ts'
import { relationOf } from '@lifeboat/postgres/table-export/definition.ts'
import { type Described, describeQuery, describeTable } from '@lifeboat/postgres/table-export/describe-tables.ts'
import { type FoundTable, findTables, titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { neededObjects } from '@lifeboat/postgres/table-export/needed-objects.ts'
import { parseTableName } from '@lifeboat/postgres/table-export/table-name.ts'
import { type ArtifactName, type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { ServerFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { NeededObject } from '@lifeboat/shared/domain/table-export.ts'
import type { Lsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { BackupRun } from '../backup-run.ts'
import { csvArtifact } from '../exports/export-names.ts'

/** One CSV file to be: a table, or the rows of a query. */
export interface ExportSet extends Described {
  title: string
  schema?: string
  name: string
  query?: string
  oid?: string
  partitioned: boolean
  artifact: ArtifactName
}

/** All tables locked against changes of their definition, and one snapshot of all of them, until it is closed. */
export interface OpenExport extends AsyncDisposable {
  readonly client: SourceClient
  /** Name given by pg_export_snapshot(). */
  readonly snapshot: string
  readonly takenAt: Moment
  readonly lsn: Lsn
  readonly server: ServerFacts
  readonly sets: readonly ExportSet[]
  readonly needs: readonly NeededObject[]
}

/**
 * Looks the tables up, locks them, takes the snapshot and describes what it holds, in this order: a table that is truncated or altered between a snapshot
 * and its lock would read as empty, or as another table.
 *
 * @throws LifeboatError SOURCE_TABLE_MISSING | SOURCE_RIGHTS_MISSING (with the GRANTs under `fix`) | SOURCE_LOCKED | SOURCE_QUERY_UNFIT | those of connectSource
 */
export async function openExport(
  run: BackupRun,
  wanted: TablesConfig,
  lockTimeoutMs: number,
  clock: Clock,
): Promise<OpenExport> {
  const { connection } = run.source
  await using opening = new AsyncDisposableStack()
  const client = opening.use(
    await connectSource(connection, { applicationName: `${run.applicationName} tables`, lockTimeoutMs }),
  )
  endOnAbort(client, run.signal)
  try {
    const found = await find(client, wanted, connection.user)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    for (const table of found)
      await client.query(`LOCK TABLE ${table.partitioned ? '' : 'ONLY '}${relationOf(table)} IN ACCESS SHARE MODE`)
    const snapshot = await takeSnapshot(client)
    const takenAt = moment(clock.now())
    const { server } = await readServerFacts(client)
    await pinSettings(client)
    const sets = [...(await tableSets(client, found)), ...(await querySets(client, wanted.queries))]
    demandOwnNames(sets)
    const needs = await neededObjects(
      client,
      sets.flatMap(({ typeOids }) => typeOids),
    )
    const open = opening.move()
    return { client, ...snapshot, takenAt, server, sets, needs, [Symbol.asyncDispose]: () => open.disposeAsync() }
  } catch (thrown) {
    run.signal.throwIfAborted()
    throw asMissing(thrown, about(connection))
  }
}

/** A table that vanished after it was found, or a column after it was described. */
export function asMissing(thrown: unknown, facts: Record<string, string | number> = {}): LifeboatError {
  const { code, message } = thrown as { code?: string; message?: string }
  if (code === '42P01' || code === '42703' || code === '3F000')
    return new LifeboatError('SOURCE_TABLE_MISSING', { ...facts, sqlState: code, message }, { cause: thrown })
  return diagnoseSql(thrown, facts)
}

async function find(client: SourceClient, { list }: TablesConfig, role: string): Promise<FoundTable[]> {
  const names = list.flatMap((text) => parseTableName(text) ?? [])
  const { tables, obstacles } = await findTables(client, names, role)
  const gone = obstacles.filter(({ kind }) => kind === 'missing' || kind === 'not a table')
  if (gone.length > 0) throw new LifeboatError('SOURCE_TABLE_MISSING', { problems: gone.map(({ message }) => message) })
  if (obstacles.length > 0)
    throw new LifeboatError('SOURCE_RIGHTS_MISSING', {
      problems: obstacles.map(({ message }) => message),
      fix: obstacles.flatMap(({ statements }) => statements),
    })
  return tables
}

async function takeSnapshot(client: SourceClient): Promise<{ snapshot: string; lsn: Lsn }> {
  const { rows } = await client.query<{ snapshot: string; lsn: Lsn }>(`
    select pg_export_snapshot() as snapshot,
           (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)::text as lsn`)
  if (rows[0] === undefined) throw new Error('a select without FROM gave no row')
  return rows[0]
}

async function tableSets(client: SourceClient, tables: readonly FoundTable[]): Promise<ExportSet[]> {
  const sets: ExportSet[] = []
  for (const table of tables) {
    const { schema, name, oid, partitioned } = table
    const about = { title: titleOf(table), schema, name, oid, partitioned, artifact: csvArtifact(table) }
    sets.push({ ...about, ...(await describeTable(client, table)) })
  }
  return sets
}

async function querySets(client: SourceClient, queries: Readonly<Record<string, string>>): Promise<ExportSet[]> {
  const sets: ExportSet[] = []
  for (const [name, text] of Object.entries(queries)) {
    const query = text.trim().replace(/;+$/, '')
    const described = await describeQuery(client, query).catch((cause: unknown) => {
      throw unfit(name, cause)
    })
    const names = described.columns.map((column) => column.name)
    const twice = names.find((column, i) => names.indexOf(column) !== i)
    if (twice !== undefined)
      throw new LifeboatError('SOURCE_QUERY_UNFIT', { query: name, problem: `two columns are called ${twice}` })
    sets.push({ title: name, name, query, partitioned: false, artifact: csvArtifact({ name }), ...described })
  }
  return sets
}

/** The rows of a query are loaded into a table of its name. */
function demandOwnNames(sets: readonly ExportSet[]): void {
  const taken = sets.find((set, i) => sets.slice(0, i).some((other) => relationOf(other) === relationOf(set)))
  if (taken === undefined) return
  throw new LifeboatError('SOURCE_QUERY_UNFIT', {
    query: taken.name,
    problem: `${relationOf(taken)} is exported as well`,
  })
}

/** Rights and locks have words of their own; the rest is the query's. */
function unfit(query: string, cause: unknown): unknown {
  const err = diagnoseSql(cause, { query })
  if (err.code !== 'INTERNAL') return err
  return new LifeboatError('SOURCE_QUERY_UNFIT', { query, message: (cause as Error).message }, { cause })
}

/** The driver cannot interrupt a query; without its client the server gives it up within seconds. */
function endOnAbort(client: SourceClient, signal: AbortSignal): void {
  signal.addEventListener('abort', () => void client.end().catch(() => {}), { once: true })
}
