import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ClientBase } from 'pg'
import { about, cutOn, openClient, type SourceConnection } from './connection.ts'
import { diagnoseSql } from './diagnose.ts'

/** The list as its text, which only who needs it takes apart: it may be long. */
export interface ListedRelations {
  /** See shared/domain/relations.ts. */
  text: string
  /** Databases that could not be asked, and why: their files are not in the list. */
  left: { database: string; because: string }[]
}

export interface ListingOptions {
  applicationName: string
  signal: AbortSignal
  /** For all databases together; those whose turn did not come are left. */
  budgetMs?: number
  /** Databases with which the list would be longer are left. */
  longestBytes?: number
}

const BUDGET_MS = 60_000
/** For the question which databases there are: far more than it takes, for a busy machine may stand still for ten seconds. */
const FIRST_MS = 15_000
const CONNECT_MS = 15_000
const LOCK_MS = 1_000
/** Behind the time a server has for its answer: one that says nothing any more is left. */
const GRACE_MS = 5_000
/** It is held in memory, here and by who reads it. */
const LONGEST_BYTES = 64 * 1024 * 1024
/** What brings about as many bytes. */
const MOST_TABLES = 300_000

const SETTINGS = `
  select current_setting('full_page_writes') = 'on' as "fullPages", 'on' in (current_setting('data_checksums'), current_setting('wal_log_hints')) as hints`

/** A session in a template keeps others from copying it. */
const DATABASES = `
  select oid::text as oid, datname as name from pg_database
   where datallowconn and not datistemplate and has_database_privilege(oid, 'CONNECT') order by datname = current_database() desc, datname`

/**
 * Only of what PostgreSQL itself stores: others may replay their pages in a way of their own, and hash indexes are, which look at pages no
 * full image was written of.
 */
const TABLES = `
  with stored as (
    select c.oid, coalesce(nullif(c.reltablespace, 0), d.dattablespace) || '/' || c.relfilenode as file
      from pg_class c join pg_am a on a.oid = c.relam cross join pg_database d
     where d.datname = current_database() and c.relfilenode <> 0 and c.relpersistence = 'p' and c.oid >= 16384
       and a.amname = any (case when c.relkind = 'i' then '{btree,gin,gist,spgist,brin}'::name[] else '{heap}' end)
  ), wanted as (
    select c.oid, n.nspname, c.relname, c.reltoastrelid from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm') and c.relpersistence = 'p' and c.oid >= 16384
       and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
       and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
  ), heap as (
    select oid as owner, oid from wanted union all select oid, reltoastrelid from wanted where reltoastrelid <> 0
  ), heaps as (
    select owner, json_agg(file) as files from heap join stored using (oid) group by owner
  ), indexes as (
    select owner, json_agg(file) as files from heap join pg_index i on i.indrelid = heap.oid join stored s on s.oid = i.indexrelid group by owner
  ), parents as (
    select inhrelid as owner, json_agg(inhparent::text) as oids from pg_inherits group by inhrelid
  )
  select case when (select count(*) from wanted) <= ${MOST_TABLES} then (
    select coalesce(json_agg(json_build_object(
             'oid', w.oid::text, 'schema', nspname, 'name', relname, 'parents', coalesce(p.oids, '[]'),
             'heaps', coalesce(h.files, '[]'), 'indexes', coalesce(i.files, '[]'))), '[]')::text
      from wanted w left join heaps h on h.owner = w.oid left join indexes i on i.owner = w.oid left join parents p on p.owner = w.oid) end as tables`

/**
 * Asks every database that lets us in which files hold its tables.
 *
 * @param connection to any database of the cluster
 * @throws LifeboatError SOURCE_… – not even the databases could be listed · the signal's reason
 */
export async function listRelations(connection: SourceConnection, opts: ListingOptions): Promise<ListedRelations> {
  const left: ListedRelations['left'] = []
  const listed: string[] = []
  let bytes = 0
  const { longestBytes = LONGEST_BYTES } = opts
  const until = performance.now() + (opts.budgetMs ?? BUDGET_MS)
  const { settings, databases } = await ask(connection, opts, FIRST_MS, async (client) => {
    const { rows: databases } = await client.query<{ oid: string; name: string }>(DATABASES)
    const { rows } = await client.query<{ fullPages: boolean; hints: boolean }>(SETTINGS)
    return { databases, settings: rows[0] }
  })
  for (const { oid, name } of databases) {
    const budgetMs = until - performance.now()
    if (budgetMs <= 0) {
      left.push({ database: name, because: 'the others took all the time there was' })
      continue
    }
    try {
      const tables = await ask({ ...connection, database: name }, opts, budgetMs, async (client) => {
        return (await client.query<{ tables: string | null }>(TABLES)).rows[0]?.tables
      })
      if (typeof tables !== 'string' || bytes + tables.length > longestBytes) {
        left.push({ database: name, because: 'it has too many tables for the list' })
        continue
      }
      bytes += tables.length
      listed.push(`{"oid":"${oid}","name":${JSON.stringify(name)},"tables":${tables}}`)
    } catch (thrown) {
      opts.signal.throwIfAborted()
      left.push({ database: name, because: LifeboatError.from(thrown).message })
    }
  }
  const head = JSON.stringify({ format: 1, ...settings }).slice(0, -1)
  return { text: `${head},"databases":[${listed.join(',\n')}]}\n`, left }
}

async function ask<T>(
  connection: SourceConnection,
  { applicationName, signal }: ListingOptions,
  budgetMs: number,
  question: (client: ClientBase) => Promise<T>,
): Promise<T> {
  const limitMs = Math.ceil(budgetMs)
  const ended = AbortSignal.any([signal, AbortSignal.timeout(limitMs + GRACE_MS)])
  try {
    const client = await openClient(connection, { applicationName, connectTimeoutMs: CONNECT_MS })
    using _cut = cutOn(ended, client)
    try {
      await client.query(
        `set statement_timeout = ${limitMs}; set lock_timeout = ${LOCK_MS}; set search_path = pg_catalog`,
      )
      return await question(client)
    } finally {
      await client.end().catch(() => {})
    }
  } catch (thrown) {
    throw diagnoseSql(thrown, about(connection))
  }
}
