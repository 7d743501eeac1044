import pg from 'pg'
import { copyIn, copyLine } from './copy-in.ts'
import { settingsRows, TABLE_ROWS, type TableRows } from './rows.ts'
import { STRUCTURE, TABLES } from './schema.ts'

/** Patients handed to one COPY at a time. */
const PATIENTS_PER_COPY = 250
/** On disk, measured with PostgreSQL 15: an empty database, and one patient's rows with their share of the indexes. */
const EMPTY_BYTES = 8 * 1024 ** 2
const BYTES_PER_PATIENT = 28_400

export interface FhirOptions {
  /** Where the empty database is; its owner will own everything. */
  connection: pg.ClientConfig
  /** How large the database should become on disk, ±10 %; 8 MB is an empty one. */
  sizeMb: number
  /** The same seed and size give the same rows. */
  seed?: string
  /** Sessions loading side by side. */
  sessions?: number
  onProgress?: (rows: { done: number; total: number }) => void
}

export interface FhirSummary {
  patients: number
  rows: number
}

/** Fills an empty database with a FHIR validation platform's data: patients, resources as JSONB, observations, validation results and settings. */
export async function generateFhir(opts: FhirOptions): Promise<FhirSummary> {
  const { seed = 'lifeboat', sessions = 2, onProgress } = opts
  const patients = Math.max(1, Math.round((opts.sizeMb * 1024 ** 2 - EMPTY_BYTES) / BYTES_PER_PATIENT))
  const total = patients * TABLE_ROWS.reduce((sum, table) => sum + table.rowsPerPatient, 0)
  const queue = portions(patients)
  let done = 0

  await inSession(opts.connection, async (client) => {
    await client.query(TABLES)
    await copyIn(
      client,
      'COPY validation_settings (name, settings, is_active, updated_at) FROM STDIN',
      settingsRows(seed).map(copyLine),
    )
  })
  const loader = () =>
    inSession(opts.connection, async (client) => {
      for (let portion = queue.shift(); portion !== undefined; portion = queue.shift()) {
        const { table, from, to } = portion
        await copyIn(client, `COPY ${table.table} (${table.columns}) FROM STDIN`, lines(table, seed, from, to))
        done += (to - from) * table.rowsPerPatient
        onProgress?.({ done, total })
      }
    })
  await allOrNothing(Array.from({ length: sessions }, loader), () => queue.splice(0))
  await inSession(opts.connection, addStructure)
  return { patients, rows: total }
}

/** Waits for every session even when one fails, so that none is left behind; `stop` keeps the others from taking more. */
async function allOrNothing(loaders: Promise<void>[], stop: () => void): Promise<void> {
  for (const loader of loaders) loader.catch(stop)
  const failed = (await Promise.allSettled(loaders)).find((one) => one.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

interface Portion {
  table: TableRows
  from: number
  to: number
}

/** Large tables first, so that the sessions end together. */
function portions(patients: number): Portion[] {
  const starts = Array.from(
    { length: Math.ceil(patients / PATIENTS_PER_COPY) },
    (_, index) => index * PATIENTS_PER_COPY,
  )
  return TABLE_ROWS.flatMap((table) =>
    starts.map((from) => ({ table, from, to: Math.min(from + PATIENTS_PER_COPY, patients) })),
  )
}

/** One chunk a patient: big enough for the socket, small enough for memory. */
function* lines(table: TableRows, seed: string, from: number, to: number): Generator<string> {
  for (let patient = from; patient < to; patient++) yield table.rowsOf(seed, patient).map(copyLine).join('')
}

async function addStructure(client: pg.Client): Promise<void> {
  await client.query("SET maintenance_work_mem = '128MB'")
  for (const statement of STRUCTURE) await client.query(statement)
  for (const table of ['resources', 'validation_results']) {
    await client.query(`SELECT setval(pg_get_serial_sequence('${table}', 'id'), max(id)) FROM ${table}`)
  }
  await client.query('ANALYZE')
}

async function inSession<T>(connection: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
