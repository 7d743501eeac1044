import { readFileSync } from 'node:fs'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { Client, type ClientConfig } from 'pg'
import { diagnoseSql } from './diagnose.ts'
import { ReadingSocket } from './replication/reading-socket.ts'
import type { PostgresSourceConfig } from './source-config.ts'

/** How to reach one database; the password is a Secret until the moment it is used. */
export interface SourceConnection {
  host: string
  port: number
  database: string
  user: string
  password?: Secret | undefined
  sslmode: PostgresSourceConfig['sslmode']
  sslrootcert?: string | undefined
  /** Settings of the session, e.g. `-c role=none`; they win over those of the role and of the database. */
  options?: string | undefined
}

export interface LoginOptions {
  /** Shown in pg_stat_activity, e.g. `lifeboat db1 dump`. */
  applicationName: string
  connectTimeoutMs?: number
}

export interface SessionOptions extends LoginOptions {
  /** How long a statement waits for a lock, milliseconds. */
  lockTimeoutMs: number
}

/** A connected client that ends with its scope. */
export type SourceClient = Client & AsyncDisposable

export function sourceConnection(source: PostgresSourceConfig, password: Secret | undefined): SourceConnection {
  const { host, port, database, user, sslmode, sslrootcert } = source
  return { host, port, database, user, password, sslmode, sslrootcert }
}

/** The same server as a role that may replicate; without one of its own it is the role of the dumps. */
export function replicationConnection(
  source: Pick<PostgresSourceConfig, 'replication'>,
  connection: SourceConnection,
  password: Secret | undefined,
): SourceConnection {
  return source.replication === undefined ? connection : { ...connection, user: source.replication.user, password }
}

/** What a role or a database may have for a default that would keep us from writing as who we are. */
export const WRITING_SESSION = '-c default_transaction_read_only=off -c role=none'

/** The same server as a superuser who may write, in another database than the one that is restored. */
export function restoreConnection(
  { user, database }: Pick<NonNullable<PostgresSourceConfig['restore']>, 'user' | 'database'>,
  connection: SourceConnection,
  password: Secret | undefined,
): SourceConnection {
  return { ...connection, user, database, password, options: WRITING_SESSION }
}

/**
 * Connects and makes the session fit for long reading: no statement or idle timeouts of the role's own, row security off (reading under a
 * policy fails instead of returning half the rows).
 *
 * @throws LifeboatError SOURCE_UNREACHABLE | SOURCE_AUTH_REFUSED | SOURCE_DATABASE_MISSING | SOURCE_RIGHTS_MISSING | SOURCE_TLS_REFUSED
 */
export async function connectSource(to: SourceConnection, session: SessionOptions): Promise<SourceClient> {
  const client = await openClient(to, session).catch((cause: unknown) => {
    throw diagnoseSql(cause, about(to))
  })
  const timeouts = ['statement_timeout = 0', 'idle_in_transaction_session_timeout = 0', 'row_security = off']
  await client.query(
    [...timeouts, `lock_timeout = ${Math.round(session.lockTimeoutMs)}`].map((it) => `SET ${it}`).join(';'),
  )
  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      await client.end().catch(() => {})
    },
  })
}

/** Cuts a connection when the signal fires: a server that does not answer holds no query, and with it no process, for ever. */
export function cutOn(signal: AbortSignal, client: Client): Disposable {
  const cut = () => void client.connection.stream.destroy()
  if (signal.aborted) cut()
  signal.addEventListener('abort', cut, { once: true })
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', cut) }
}

/**
 * Connects and logs in, nothing more.
 *
 * @param login `replication`: as a physical WAL sender, which knows the replication commands instead of SQL
 * @throws what the driver throws; see diagnose.ts
 */
export async function openClient(
  to: SourceConnection,
  login: LoginOptions & { replication?: boolean },
): Promise<Client> {
  if (to.sslmode !== 'prefer') return open(to, login, tlsOf(to))
  return open(to, login, tlsOf(to)).catch((err: unknown) => {
    // libpq's `prefer`: encrypted where the server can, plain where it cannot.
    if (err instanceof Error && err.message.includes('does not support SSL')) return open(to, login, false)
    throw err
  })
}

/** What the stock programs need to know, as libpq's environment variables: nothing of it shows in argv. */
export function libpqEnv(to: SourceConnection, applicationName: string): Record<string, string> {
  return {
    PGHOST: to.host,
    PGPORT: String(to.port),
    PGUSER: to.user,
    PGDATABASE: to.database,
    PGAPPNAME: applicationName,
    PGSSLMODE: to.sslmode,
    PGCONNECT_TIMEOUT: '30',
    ...(to.sslrootcert === undefined ? {} : { PGSSLROOTCERT: to.sslrootcert }),
    ...(to.options === undefined ? {} : { PGOPTIONS: to.options }),
    ...(to.password === undefined ? {} : { PGPASSWORD: to.password.reveal() }),
  }
}

/** The facts an error about this connection carries; never the password. */
export function about(to: SourceConnection): { host: string; port: number; database: string; user: string } {
  return { host: to.host, port: to.port, database: to.database, user: to.user }
}

async function open(
  to: SourceConnection,
  login: LoginOptions & { replication?: boolean },
  ssl: ClientConfig['ssl'],
): Promise<Client> {
  const tls = to.host.startsWith('/') ? false : ssl
  const config: ClientConfig & { replication?: string } = {
    host: to.host,
    port: to.port,
    database: to.database,
    user: to.user,
    // An empty password keeps the driver from looking for one in the environment or in ~/.pgpass.
    password: to.password?.reveal() ?? '',
    application_name: login.applicationName,
    connectionTimeoutMillis: login.connectTimeoutMs ?? 30_000,
    keepAlive: true,
    ...(to.options === undefined ? {} : { options: to.options }),
    ...(login.replication ? { replication: 'true' } : {}),
    ssl: tls,
    ...(login.replication && !tls && { stream: () => new ReadingSocket() }),
  }
  const client = new Client(config)
  // A connection that breaks while idle says so on the next query; without a listener it would end the process.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** As libpq has it: `require` with a CA file checks the chain like `verify-ca`, without one it takes any certificate. */
function tlsOf(to: SourceConnection): ClientConfig['ssl'] {
  if (to.sslmode === 'disable') return false
  if (to.sslmode === 'prefer') return { rejectUnauthorized: false }
  if (to.sslmode === 'require' && to.sslrootcert === undefined) return { rejectUnauthorized: false }
  const trusted = { ...(to.sslrootcert !== undefined && { ca: readCa(to, to.sslrootcert) }), rejectUnauthorized: true }
  return to.sslmode === 'verify-full' ? trusted : { ...trusted, checkServerIdentity: () => undefined }
}

function readCa(to: SourceConnection, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : undefined
    throw new LifeboatError('SOURCE_TLS_REFUSED', { ...about(to), sslrootcert: file, message }, { cause })
  }
}
