import { setTimeout as pause } from 'node:timers/promises'
import { connectSource, cutOn, type SourceClient, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import type { RestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export interface OneTransaction {
  connection: SourceConnection
  restoreId: RestoreId
  /** What it is about; whoever holds one of them is told first. */
  tables: readonly TableRef[]
  /** Locks are tried for again and again for so long, and at least once. */
  patienceMs: number
  /** Until COMMIT is sent; behind it nothing but the server ends it. */
  signal: AbortSignal
  /** Told each time that somebody was in the way. */
  onBusy(err: LifeboatError): void
}

export const TABLES_SESSION = { applicationName: 'lifeboat restore', lockTimeoutMs: 60_000 }
/**
 * Whoever waits for a lock keeps everybody waiting who comes behind; so it is asked for shortly and often. An autovacuum gives way to whoever has waited for a second
 * (`deadlock_timeout`), so not as shortly as that.
 */
const LOCK_MS = 2000
const BETWEEN_MS = 500

/**
 * Does everything or nothing, and no longer than it must.
 *
 * @throws LifeboatError RESTORE_TABLE_BUSY | RESTORE_RULE_BROKEN | RESTORE_TABLE_UNFIT | RESTORE_SCHEMA_TAKEN | SOURCE_…; nothing has changed, but where the
 *   connection was lost: then `afterTransaction` tells
 */
export async function inOneTransaction<T>(
  about: OneTransaction,
  work: (client: SourceClient) => Promise<T>,
): Promise<T> {
  const until = Date.now() + about.patienceMs
  for (;;) {
    try {
      return await attempt(about, work)
    } catch (thrown) {
      about.signal.throwIfAborted()
      const err = translated(thrown)
      if (err.code !== 'RESTORE_TABLE_BUSY' || Date.now() >= until) throw err
      about.onBusy(err)
      await pause(BETWEEN_MS, undefined, { signal: about.signal })
    }
  }
}

async function attempt<T>(about: OneTransaction, work: (client: SourceClient) => Promise<T>): Promise<T> {
  const { connection, restoreId, tables, signal } = about
  await using client = await connectSource(connection, { ...TABLES_SESSION, lockTimeoutMs: LOCK_MS })
  {
    using cut = cutOn(signal, client)
    // Whatever database and role have for a default: what is read behind the locks must be as of then, and not as of before they were waited for.
    await client.query('begin isolation level read committed read write')
    await client.query(MARK, [restoreId])
    const done = await work(client).catch(async (thrown: unknown) => {
      throw isBusy(thrown) ? await busy(client, tables, thrown) : thrown
    })
    signal.throwIfAborted()
    // Ours to answer for from here on.
    cut[Symbol.dispose]()
    await client.query('commit')
    return done
  }
}

const MARK = `select pg_advisory_xact_lock(hashtextextended('lifeboat restore ' || $1, 0))`

/**
 * Asks what became of a transaction whose end nobody heard of. Its server process may be at it still: the answer waits for its end.
 *
 * @throws LifeboatError SOURCE_… | SOURCE_LOCKED – it is at it still
 */
export async function afterTransaction<T>(
  { connection, restoreId }: Pick<OneTransaction, 'connection' | 'restoreId'>,
  ask: (client: SourceClient) => Promise<T>,
): Promise<T> {
  await using client = await connectSource(connection, TABLES_SESSION)
  try {
    await client.query('begin')
    await client.query(MARK, [restoreId])
    await client.query('commit')
    return await ask(client)
  } catch (thrown) {
    throw diagnoseSql(thrown)
  }
}

function isBusy(thrown: unknown): boolean {
  const { code } = thrown as { code?: unknown }
  return code === '55P03' || code === '40P01'
}

/** Everything but reading stands in the way of writing to a table as a whole. */
const HOLDERS = `
  with wanted as (
    select part.oid from json_to_recordset($1::json) as t (schema text, name text)
      join pg_namespace n on n.nspname = t.schema join pg_class c on c.relnamespace = n.oid and c.relname = t.name
     cross join lateral (select c.oid union select relid from pg_partition_tree(c.oid)) part
  )
  select concat_ws(', ', 'pid ' || a.pid, coalesce(nullif(a.application_name, ''), a.backend_type) || coalesce(' of ' || a.usename, ''), a.state)
           || ': ' || string_agg(distinct l.relation::regclass::text, ', ') as holder
    from pg_locks l join pg_stat_activity a on a.pid = l.pid join pg_class c on c.oid = l.relation and c.relkind in ('r', 'p')
   where l.database = (select oid from pg_database where datname = current_database()) and l.granted and l.mode <> 'AccessShareLock'
     and a.pid <> pg_backend_pid() and c.relnamespace <> 'pg_catalog'::regnamespace
   group by a.pid, a.application_name, a.backend_type, a.usename, a.state, a.xact_start
   order by bool_or(l.relation in (select oid from wanted)) desc, a.xact_start limit 5`

async function busy(client: SourceClient, tables: readonly TableRef[], cause: unknown): Promise<LifeboatError> {
  await client.query('rollback')
  const { rows } = await client.query<{ holder: string }>(HOLDERS, [JSON.stringify(tables)])
  const holders = rows.map(({ holder }) => holder)
  return new LifeboatError('RESTORE_TABLE_BUSY', { holders, message: (cause as Error).message }, { cause })
}

function translated(thrown: unknown): LifeboatError {
  if (thrown instanceof LifeboatError) return thrown
  const {
    code = '',
    message = '',
    schema,
    table,
  } = thrown as Record<'code' | 'message' | 'schema' | 'table', string | undefined>
  const of = table === undefined ? undefined : [schema, table].filter((part) => part !== undefined).join('.')
  if (code.startsWith('23'))
    return new LifeboatError('RESTORE_RULE_BROKEN', { broken: [of ? `${of}: ${message}` : message] }, { cause: thrown })
  if (code === '42P01' || code === '42703')
    return new LifeboatError(
      'RESTORE_TABLE_UNFIT',
      { ...(of && { table: of }), differences: [message] },
      { cause: thrown },
    )
  if (code === '42P06') return new LifeboatError('RESTORE_SCHEMA_TAKEN', { message }, { cause: thrown })
  return diagnoseSql(thrown)
}
