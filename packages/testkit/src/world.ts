import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type NatsServer, startNats } from './nats.ts'
import { type SmtpTestServer, startSmtp } from './smtp.ts'
import { MAIL_USER, type WorldConfig, worldConfig } from './world/config.ts'
import { makeKeys } from './world/keys.ts'
import { type Finished, runLifeboat, SERVICES, type ServiceName, type ServiceProcess } from './world/processes.ts'
import { ServiceHouse } from './world/service-house.ts'
import { openSource, type WorldSource } from './world/source.ts'
import { openWorldTarget, type TargetKind, type WorldTarget } from './world/targets.ts'

export interface WorldOptions {
  /** Name → kind; default three folders. */
  targets?: Readonly<Record<string, TargetKind>>
  /** Size of the FHIR database; default a small one of 10 MB. */
  databaseMb?: number
  /** PostgreSQL major; default the newest installed. */
  major?: number
  /** Of that server, e.g. { full_page_writes: 'on' }. */
  serverSettings?: Readonly<Record<string, string>>
  /** Changes the configuration before it is written. */
  configure?: (config: WorldConfig) => void
  /** Services started at once; default all five. */
  services?: readonly ServiceName[]
  onProgress?: (step: string) => void
}

export interface StartOptions {
  /** Another name makes another instance of the service beside the first; default the service's name. */
  as?: string
  /** Changes the configuration for this instance alone, ports above all. */
  configure?: (config: WorldConfig) => void
  env?: Readonly<Record<string, string>>
}

/** A whole Lifeboat with everything around it, real processes all: for stories, benchmarks and the demo. */
export interface World extends AsyncDisposable {
  readonly folder: string
  readonly configPath: string
  /** As it was written last; change it with `reconfigure`. */
  readonly config: WorldConfig
  readonly nats: NatsServer
  readonly source: WorldSource
  readonly smtp: SmtpTestServer
  readonly targets: Readonly<Record<string, WorldTarget>>
  /** Starts a service and waits until it says so. */
  start(service: ServiceName, opts?: StartOptions): Promise<ServiceProcess>
  /** The running instance of this name. */
  service(name: string): ServiceProcess
  /** Sends the signal and waits for the end. */
  kill(name: string, signal: NodeJS.Signals): Promise<void>
  /** Kills with SIGTERM unless told otherwise, and starts again with the same options. */
  restart(name: string, signal?: NodeJS.Signals): Promise<ServiceProcess>
  /** Everything an instance logged, one object a line. */
  logOf(name: string): { event?: string; [field: string]: unknown }[]
  /** Writes lifeboat.yaml anew; services read it when they start. */
  reconfigure(change: (config: WorldConfig) => void): Promise<void>
  cli(args: readonly string[], opts?: { onStderr?: (text: string, kill: () => void) => void }): Promise<Finished>
  /** Runs a command with --json and gives what it printed; throws what it said when the exit code is not among `expected` (default 0). */
  json<T = unknown>(args: readonly string[], expected?: readonly number[]): Promise<T>
}

/**
 * Boots NATS, PostgreSQL with the FHIR database, a mail server and the targets, writes lifeboat.yaml and its keys, and starts the services.
 *
 * Everything lives in one temporary folder and dies with the world, or with the process that made it.
 */
export async function startWorld(opts: WorldOptions = {}): Promise<World> {
  const scope = new AsyncDisposableStack()
  try {
    const world = await openWorld(opts, scope)
    opts.onProgress?.('starting the services')
    await Promise.all((opts.services ?? SERVICES).map((service) => world.start(service)))
    return world
  } catch (thrown) {
    await scope.disposeAsync()
    throw thrown
  }
}

async function openWorld(opts: WorldOptions, scope: AsyncDisposableStack): Promise<World> {
  const say = opts.onProgress ?? (() => {})
  const folder = scope.adopt(await worldFolder(), (path) => rm(path, { recursive: true, force: true, maxRetries: 5 }))
  const keys = await makeKeys(join(folder, 'keys'))
  say('starting NATS and a mail server')
  const nats = scope.use(await startNats())
  const pass = crypto.randomUUID()
  const smtp = scope.use(await startSmtp({ auth: { user: MAIL_USER, pass } }))
  const targets: Record<string, WorldTarget> = {}
  for (const [name, kind] of Object.entries(opts.targets ?? THREE_FOLDERS)) {
    say(`opening target ${name} (${kind})`)
    targets[name] = scope.use(await openWorldTarget(kind, name, { folder, keys }))
  }
  say('starting PostgreSQL and filling the database')
  const source = scope.use(
    await openSource(keys, {
      sizeMb: opts.databaseMb ?? 10,
      ...(opts.major === undefined ? {} : { major: opts.major }),
      ...(opts.serverSettings && { settings: opts.serverSettings }),
      onProgress: ({ done, total }) => say(`generating rows: ${Math.floor((100 * done) / total)} %`),
    }),
  )
  const mailPassword = await keys.secret('mail-password', pass)
  const config = await worldConfig({ folder, keys, nats, source, smtp, mailPassword, targets })
  opts.configure?.(config)
  const configPath = await writeConfig(folder, 'lifeboat', config)
  const services = scope.use(new ServiceHouse(folder))
  return {
    folder,
    configPath,
    config,
    nats,
    source,
    smtp,
    targets,
    async start(service, start = {}) {
      const own = start.configure && (await writeConfig(folder, start.as ?? service, changed(config, start.configure)))
      return services.start(service, { ...start, configPath: own ?? configPath })
    },
    service: (name) => services.get(name),
    kill: async (name, signal) => void (await services.get(name).kill(signal)),
    restart: (name, signal = 'SIGTERM') => services.restart(name, signal),
    logOf: (name) => services.get(name).log().split('\n').flatMap(parseLine),
    async reconfigure(change) {
      change(config)
      await writeConfig(folder, 'lifeboat', config)
    },
    cli: (args, more = {}) => runLifeboat(args, { configPath, ...more }),
    async json(args, expected = [0]) {
      const { code, stdout, stderr } = await runLifeboat([...args, '--json'], { configPath })
      if (code === null || !expected.includes(code)) {
        throw new Error(`lifeboat ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
      }
      return JSON.parse(stdout)
    },
    [Symbol.asyncDispose]: () => scope.disposeAsync(),
  }
}

const THREE_FOLDERS = { north: 'filesystem', south: 'filesystem', west: 'filesystem' } as const

/** Servers that run as another user reach into it, so the folder itself is open and the keys inside are not. */
async function worldFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-world-'))
  await chmod(folder, 0o755)
  for (const name of ['logs', 'spool', 'scratch']) await mkdir(join(folder, name))
  return folder
}

function changed(config: WorldConfig, change: (config: WorldConfig) => void): WorldConfig {
  const copy = structuredClone(config)
  change(copy)
  return copy
}

async function writeConfig(folder: string, name: string, config: WorldConfig): Promise<string> {
  const path = join(folder, `${name}.yaml`)
  await writeFile(path, stringify(config))
  return path
}

function parseLine(line: string): { event?: string }[] {
  try {
    return [JSON.parse(line)]
  } catch {
    return [] // a crash prints what it likes
  }
}
