import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bus } from '../bus/bus.ts'
import type { Service } from '../bus/define-message.ts'
import { moment } from '../domain/ids.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { createLogger, type Logger } from '../log/logger.ts'
import { Footings } from './footings.ts'
import { openHealth } from './health.ts'
import { type LastResort, lastResort } from './last-resort.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { beatPresence } from './presence.ts'
import { listenForStop, type StopSignals } from './stop-signals.ts'

/** What `open` may use. */
export interface Opening {
  log: Logger
  metrics: Metrics
  /** Different for every start of every process. */
  instance: string
  /** Whoever looks at what the service stands on writes it down here; it is told with the presence. */
  footings: Footings
  /** Registers something to be closed at the end, in reverse order, also when opening the rest fails. `name`: told when it does not close. */
  own<R extends AsyncDisposable | Disposable>(resource: R, name?: string): R
  /** Fires SERVICE_STOPPING when work in progress must end now: hand it to `connectBus` as `abort`. */
  signal: AbortSignal
}

export interface ServiceDefinition<C, D extends { bus: Bus }> {
  name: Service
  /** Throws CONFIG_INVALID with all problems as the fact `problems`. */
  readConfig: () => Promise<C>
  /** Opens everything the handlers may touch. */
  open: (cfg: C, opening: Opening) => Promise<D>
  /** Starts ticks and consumers. `signal` fires at the first SIGTERM: begin nothing new. May return early or stay until then. */
  start: (deps: D, signal: AbortSignal) => Promise<void>
  /** `host:port` for /healthz, /readyz and /metrics; undefined for none. */
  health?: (cfg: C) => string | undefined
  /** Which one of its kind this is (an agent's name); default the service's name. */
  id?: (cfg: C) => string
  /** Between the first signal and the order to end what runs; default 10 s. */
  graceMs?: number
  /** From then on until the process ends, whatever hangs; default 15 s. */
  endMs?: number
}

const GRACE_MS = 10_000
const END_MS = 15_000
const EXIT_FAILED = 1
const EXIT_CONFIG = 2

/**
 * Runs one service from start to end; the whole of an app's `main.ts`.
 *
 * ```ts
 * await runService({
 *   name: 'uploader',
 *   readConfig: () => readUploaderConfig(process.env),
 *   open: async (cfg, { log, own, signal }) => ({
 *     bus: own(await connectBus({ ...cfg.bus, name: 'uploader', log, abort: signal })),
 *     targets: cfg.targets.map((target) => own(openTarget(target, log))),
 *   }),
 *   start: startUploader,            // (deps, signal) => deps.bus.consume(…, { signal })
 *   health: (cfg) => cfg.health,
 * })
 * ```
 *
 * First SIGTERM or SIGINT: `signal` of `start` fires, consumers take no more, handlers may finish. After `graceMs`, or at the second signal,
 * `signal` of `open` fires and handlers end with SERVICE_STOPPING, which hands their messages back. Then everything owned is closed in
 * reverse order. The exit code is set – 0 stopped, 1 failed, 2 configuration – and the event loop empties by itself. If it does not within 15 s
 * after that `signal`, the process ends all the same, with 1 and a line that names what hung.
 *
 * An error nobody caught (a library's stream without a listener) is logged as `service.crashed`; the service then stops with its messages handed
 * back, and ends with 1 for its supervisor to start it again.
 */
export async function runService<C, D extends { bus: Bus }>(definition: ServiceDefinition<C, D>): Promise<void> {
  const log = createLogger({ service: definition.name, level: process.env.LIFEBOAT_LOG_LEVEL ?? 'info' })
  using stop = listenForStop(definition.graceMs ?? GRACE_MS)
  const last = lastResort(log, definition.endMs ?? END_MS)
  stop.abort.addEventListener('abort', last.arm, { once: true })
  stopOnCrash(log, stop)
  try {
    await live(definition, log, { stop, last })
    log.info({ event: 'service.stopped' }, 'stopped')
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    if (err.code === 'SERVICE_STOPPING') return
    tellFailure(log, err)
    process.exitCode = err.code.startsWith('CONFIG_') ? EXIT_CONFIG : EXIT_FAILED
  } finally {
    last.at('what was left open')
    last.arm()
  }
}

/** The state of a process after an error nobody caught is not known: what runs is handed back, and another process goes on. */
function stopOnCrash(log: Logger, stop: StopSignals): void {
  process.on('uncaughtException', (err: unknown, origin) => {
    log.error(
      { event: 'service.crashed', err, origin },
      'an error nobody caught: the service ends and may be started again',
    )
    process.exitCode = EXIT_FAILED
    if (!stop.stopping.aborted) stop.stop()
    if (!stop.abort.aborted) stop.stop()
  })
}

async function live<C, D extends { bus: Bus }>(
  definition: ServiceDefinition<C, D>,
  log: Logger,
  { stop, last }: { stop: StopSignals; last: LastResort },
): Promise<void> {
  const { name } = definition
  const instance = randomUUID().slice(0, 8)
  const cfg = await definition.readConfig()
  await using owned = new AsyncDisposableStack()
  const metrics = createMetrics(name)
  const own = <R extends AsyncDisposable | Disposable>(resource: R, label = resource.constructor.name) => {
    owned.use(resource)
    owned.defer(() => last.at(label))
    return resource
  }
  // Nothing runs yet that deserves a grace.
  stop.stopping.addEventListener('abort', stop.stop)
  const footings = new Footings()
  const deps = await definition.open(cfg, { log, metrics, instance, footings, own, signal: stop.abort })
  stop.stopping.removeEventListener('abort', stop.stop)
  const ready = async () => {
    stop.stopping.throwIfAborted()
    await deps.bus.ping()
  }
  const listen = definition.health?.(cfg)
  const health = listen === undefined ? undefined : own(await openHealth(listen, { ready, metrics }), 'health')
  const about = { service: name, id: definition.id?.(cfg) ?? name, instance, version: VERSION }
  const told = { log, footings: () => footings.all() }
  own(await beatPresence(deps.bus, { ...about, startedAt: moment(Date.now()) }, told), 'presence')
  log.info({ event: 'service.started', ...about, health: health?.port }, 'started')
  await work(definition, deps, stop)
}

/** Until the stop, and then until the last handler ended or had to. */
async function work<C, D extends { bus: Bus }>(
  definition: ServiceDefinition<C, D>,
  deps: D,
  stop: StopSignals,
): Promise<void> {
  const stopped = fired(stop.stopping)
  const started = definition.start(deps, stop.stopping)
  try {
    await Promise.race([started.then(() => stopped), stopped])
  } catch (err) {
    stop.stop()
    throw err
  } finally {
    const settled = Promise.allSettled([started, deps.bus.settled()])
    // What ignores its signal is left behind a moment later: its message comes again elsewhere.
    await Promise.race([settled, fired(stop.abort).then(() => pause(1_000))])
  }
  await Promise.race([started, Promise.resolve()])
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** All problems of the configuration together, one line each; anything else with its facts. */
function tellFailure(log: Logger, err: LifeboatError): void {
  const { problems, ...facts } = err.facts
  if (!Array.isArray(problems)) {
    log.error({ event: 'service.failed', err }, 'the service ends with an error')
    return
  }
  const about = { event: 'service.refused', code: err.code, ...facts, hint: err.hint }
  for (const problem of problems)
    log.error({ event: 'config.problem', problem: String(problem) }, 'configuration problem')
  log.error({ ...about, problems: problems.length }, 'the service does not start: the configuration has problems')
}

const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version
