import type { Fingerprint, TableFingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Progress } from '@lifeboat/shared/run/run.ts'
import type pg from 'pg'
import { diagnoseSql } from '../diagnose.ts'
import { measureLargeObjects } from './large-objects.ts'
import { measureSchema } from './measure-schema.ts'
import { pinSettings } from './pin-settings.ts'
import { measureSequences } from './sequences.ts'
import { type DumpedTable, listTables, measureTable } from './tables.ts'

export interface FingerprintOptions {
  /** Tables (and the large objects together) bigger than this are counted only. */
  hashTablesUpToBytes: number
  signal: AbortSignal
  /** Clients of the same database in transactions on the same snapshot; tables are shared out among all of them. */
  helpers?: readonly pg.ClientBase[]
  /** Whether the backup's globals carry password hashes. Default true; without a superuser they never do. */
  rolePasswords?: boolean
  report?: (progress: Progress) => void
}

/**
 * Measures what a restore of this database has to bring back: rows and contents of every table, sequences, large objects, schema, extensions,
 * settings and roles. Reads only, and everything once.
 *
 * Equal before a dump and after its restore on the same major; between majors the data hashes stay equal, see compare.ts for the rest.
 *
 * @param client inside a REPEATABLE READ, READ ONLY transaction; settings are pinned until that ends. After an abort it may still be busy:
 *   close it instead of using it further
 * @throws LifeboatError SOURCE_RIGHTS_MISSING (a table or row may not be read) | SOURCE_LOCKED | SOURCE_CONNECTION_LOST; the signal's reason
 */
export async function takeFingerprint(client: pg.ClientBase, options: FingerprintOptions): Promise<Fingerprint> {
  // Before anything is begun: nobody would hear what becomes of it.
  options.signal.throwIfAborted()
  return untilAborted(options.signal, measure(client, options))
}

async function measure(client: pg.ClientBase, options: FingerprintOptions): Promise<Fingerprint> {
  const { signal, helpers = [] } = options
  for (const each of [client, ...helpers]) await pinSettings(each)
  const tables = await measureTables([client, ...helpers], await listTables(client), options)
  return {
    format: 1,
    ...(await readFacts(client)),
    tables,
    sequences: await measureSequences(client),
    largeObjects: await measureLargeObjects(client, options.hashTablesUpToBytes, signal),
    schema: await measureSchema(client, options.rolePasswords ?? true, signal),
  }
}

async function measureTables(
  clients: readonly pg.ClientBase[],
  waiting: DumpedTable[],
  { signal, hashTablesUpToBytes, report }: FingerprintOptions,
): Promise<TableFingerprint[]> {
  const total = waiting.reduce((sum, table) => sum + table.bytes, 0)
  const measured: TableFingerprint[] = []
  let done = 0
  const work = async (client: pg.ClientBase) => {
    for (let table = waiting.shift(); table; table = waiting.shift()) {
      signal.throwIfAborted()
      measured.push(await measureTable(client, table, table.bytes <= hashTablesUpToBytes))
      done += table.bytes
      report?.({ phase: 'fingerprint', done, total, unit: 'bytes' })
    }
  }
  await Promise.all(clients.map(work))
  return measured.sort((a, b) => compareText(a.schema, b.schema) || compareText(a.name, b.name))
}

type ServerPart = Pick<Fingerprint, 'notValid' | 'database' | 'major' | 'bootstrapRole' | 'extensions' | 'settings'>

/** Settings kept by ALTER DATABASE, ALTER ROLE and ALTER ROLE … IN DATABASE, of this database and of every role. */
async function readFacts(client: pg.ClientBase): Promise<ServerPart> {
  const { rows } = await client.query<ServerPart>(`
    select array(select quote_ident(conname) || ' on ' || coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text)
                   from pg_constraint where not convalidated) as "notValid",
      current_database() as database, current_setting('server_version_num')::int / 10000 as major,
      (select rolname from pg_roles where oid = 10) as "bootstrapRole",
      coalesce((select json_object_agg(extname, extversion) from pg_extension), '{}') as extensions,
      array(select format('%s|%s|%s', case s.setrole when 0 then '' else pg_get_userbyid(s.setrole) end,
                          case s.setdatabase when 0 then '' else current_database() end, setting)
              from pg_db_role_setting s, unnest(s.setconfig) as setting
             where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))) as settings`)
  if (rows[0] === undefined) throw new Error('a select without FROM gave no row')
  return { ...rows[0], settings: rows[0].settings.toSorted(), notValid: rows[0].notValid.toSorted() }
}

/** The driver cannot interrupt a query, so the wait is given up; what the abandoned query still says is nobody's business. */
async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } catch (thrown) {
    work.catch(() => {})
    signal.throwIfAborted()
    throw diagnoseSql(thrown)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
