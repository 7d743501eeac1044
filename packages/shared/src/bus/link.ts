import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { errors, type NatsConnection } from '@nats-io/nats-core'
import { connect, credsAuthenticator, type NodeConnectionOptions } from '@nats-io/transport-node'
import type { Secret } from '../config/secret.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'
import { persistently } from './persist.ts'

export interface LinkOptions {
  /** e.g. `nats://127.0.0.1:4222`; several for a cluster. */
  servers: readonly string[]
  user?: string | undefined
  password?: Secret | undefined
  token?: Secret | undefined
  /** Contents of a NATS `.creds` file. */
  credentials?: Secret | undefined
  /** Path of the CA file for TLS. */
  ca?: string | undefined
  /** The service, shown in `nats server list` and in the `ce-source` header. */
  name: string
  log: Logger
  /** How long to wait for a server, at start and during a restart of it; afterwards BUS_UNREACHABLE. Default 30 s. */
  patienceMs?: number | undefined
  /** How long to wait for the first one, where that is to be less. */
  firstMs?: number | undefined
  /** Ends the waiting for a first server. */
  abort?: AbortSignal | undefined
}

/** A connection that comes back by itself, with what the files of this folder need of it. */
export interface NatsLink {
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly name: string
  readonly log: Logger
  /** Goes on through a restart of the server; see persist.ts for what `request` must bear. */
  try<T>(request: () => Promise<T>): Promise<T>
  /** Calls back after each reconnect; gives the way to stop that. */
  onReconnect(listener: () => void): () => void
}

const PATIENCE_MS = 30_000

/** @throws LifeboatError BUS_UNREACHABLE | BUS_AUTH_REFUSED */
export async function openLink(opts: LinkOptions): Promise<NatsLink> {
  const patienceMs = opts.patienceMs ?? PATIENCE_MS
  const nc = await firstConnection(opts, opts.firstMs ?? patienceMs)
  const listeners = new Set<() => void>()
  void followStatus(nc, opts.log, listeners)
  const onReconnect = (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const again = <T>(request: () => Promise<T>) => persistently(request, patienceMs, onReconnect)
  const jsm = await again(() => jetstreamManager(nc)).catch(async (err: unknown) => {
    await nc.close()
    throw err
  })
  return {
    nc,
    js: jetstream(nc),
    jsm,
    name: opts.name,
    log: opts.log,
    try: again,
    onReconnect,
  }
}

async function firstConnection(opts: LinkOptions, patienceMs: number): Promise<NatsConnection> {
  const until = performance.now() + patienceMs
  const options = connectionOptions(opts)
  for (;;) {
    try {
      return await connect(options)
    } catch (cause) {
      const about = { servers: opts.servers.join(', ') }
      if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError)
        throw new LifeboatError('BUS_AUTH_REFUSED', about, { cause })
      if (performance.now() >= until) throw new LifeboatError('BUS_UNREACHABLE', about, { cause })
      opts.log.debug({ event: 'bus.waiting', err: cause }, 'waiting for a NATS server')
    }
    opts.abort?.throwIfAborted()
    await pause(500)
  }
}

function connectionOptions(opts: LinkOptions): NodeConnectionOptions {
  return {
    servers: [...opts.servers],
    name: `lifeboat ${opts.name}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    pingInterval: 20_000,
    ...(opts.user === undefined ? {} : { user: opts.user }),
    ...(opts.password === undefined ? {} : { pass: opts.password.reveal() }),
    ...(opts.token === undefined ? {} : { token: opts.token.reveal() }),
    ...(opts.credentials === undefined
      ? {}
      : { authenticator: credsAuthenticator(new TextEncoder().encode(opts.credentials.reveal())) }),
    ...(opts.ca === undefined ? {} : { tls: { ca: readFileSync(opts.ca, 'utf8') } }),
  }
}

async function followStatus(nc: NatsConnection, log: Logger, listeners: Set<() => void>): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === 'disconnect')
      log.warn({ event: 'bus.disconnected', server: status.server }, 'lost the NATS server')
    if (status.type !== 'reconnect') continue
    log.info({ event: 'bus.reconnected', server: status.server }, 'connected to NATS again')
    for (const listener of listeners) listener()
  }
}
