import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn, parseWalKey, rangeOf, type WalObject, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { makeKeys, type WorldKeys } from '@lifeboat/testkit/world/keys.ts'
import { type ServiceProcess, spawnService } from '@lifeboat/testkit/world/processes.ts'
import { expect, vi } from 'vitest'

const run = promisify(execFile)

export const SOURCE = 'records' as SourceId
export const SLOT = 'lifeboat_records'
export const SEGMENT_BYTES = 16 * 1024 ** 2

export interface WalHouseOptions {
  pg: TestPostgres
  targets?: readonly string[]
  /** Copies that are enough; default 1. */
  required?: number
  /** The uploader may remove at every target. */
  mayRemove?: boolean
  /** Changes the block `wal.records`. */
  wal?: Record<string, unknown>
  /** Further blocks of policies. */
  policies?: Record<string, unknown>
  /** Has the last word on lifeboat.yaml. */
  configure?: (config: WalConfigFile) => void
}
type WalConfigFile = Awaited<ReturnType<typeof configOf>>

/** NATS and folders as targets; agent and uploader are processes of their own that a test starts and kills. */
export interface WalHouse extends AsyncDisposable {
  readonly folder: string
  readonly nats: NatsServer
  readonly bus: Bus
  readonly ledger: Ledger
  /** Opens what was backed up. */
  readonly identityFile: string
  /** The present agent and uploader by name. */
  readonly running: ReadonlyMap<string, ServiceProcess>
  start(...services: ('backup-agent' | 'uploader' | 'scheduler')[]): Promise<void>
  kill(service: 'backup-agent' | 'uploader', signal?: NodeJS.Signals): Promise<void>
  /** Another server answers under the name of the source from the next start on. */
  moveTo(pg: TestPostgres): Promise<void>
  /** The disk of a target is unmounted. */
  away(target: string): Promise<void>
  back(target: string): Promise<void>
  /** What the agent left in its spool for WAL. */
  spooled(): Promise<string[]>
  /** How much room that takes. */
  spooledBytes(): Promise<number>
  wipeSpool(): Promise<void>
  state(pleases: (state: WalState) => boolean, withinMs?: number): Promise<WalState>
  /** Names below `wal/<timeline>` of a target. */
  objects(target: string): Promise<WalObject[]>
  /** The plain bytes of an object. */
  plain(target: string, object: WalObject): Promise<Buffer>
  file(target: string, key: string): string
  /** Everything at a target. */
  keys(target: string): Promise<string[]>
  /** Nobody remembers the state of the WAL any more. */
  forget(): Promise<void>
  logOf(service: string): string
  /** Waits until it says so: states and rows are often there before the line of the log that tells of them. */
  logged(service: string, event: string): Promise<void>
}

export async function openWalHouse(opts: WalHouseOptions): Promise<WalHouse> {
  const stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-wal-')), (path) =>
    rm(path, { recursive: true, force: true, maxRetries: 5 }),
  )
  const keys = await makeKeys(join(folder, 'keys'))
  const nats = stack.use(await startNats())
  const bus = stack.use(await connectBus({ servers: [nats.url], name: 'test', log: silentLogger }))
  const bucket = await bus.bucket(WAL_BUCKET)
  const targets = opts.targets ?? ['north', 'south']
  for (const name of ['logs', ...targets.map((target) => `targets/${target}`)])
    await mkdir(join(folder, name), { recursive: true })
  const configPath = join(folder, 'lifeboat.yaml')
  const agentPort = await freePort()
  const write = async (pg: TestPostgres) => {
    const config = await configOf({ ...opts, pg }, { folder, keys, nats, agentPort, targets })
    opts.configure?.(config)
    await writeFile(configPath, JSON.stringify(config))
  }
  await write(opts.pg)
  const running = new Map<string, ServiceProcess>()
  stack.defer(async () => {
    await Promise.all([...running.values()].map((service) => service[Symbol.asyncDispose]()))
  })
  const spool = join(folder, 'spool', 'wal', SOURCE)
  const walFolder = (target: string) => join(folder, 'targets', target, SOURCE, 'wal')
  return {
    ...{ folder, nats, bus, running, ledger: await Ledger.open(bus), identityFile: fileOf(keys.identity) },
    async start(...services) {
      for (const service of services) {
        const child = spawnService({ service, name: service, configPath, logFolder: join(folder, 'logs') })
        running.set(service, child)
      }
      await Promise.all(services.map((service) => running.get(service)?.ready()))
    },
    async kill(service, signal = 'SIGKILL') {
      await running.get(service)?.kill(signal)
    },
    moveTo: write,
    away: (target) => rename(join(folder, 'targets', target), join(folder, `away-${target}`)),
    back: (target) => rename(join(folder, `away-${target}`), join(folder, 'targets', target)),
    spooled: () => readdir(spool).catch(() => []),
    async spooledBytes() {
      const sizes = (await readdir(spool)).map((name) => stat(join(spool, name)).catch(() => ({ size: 0 })))
      return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0)
    },
    wipeSpool: () => rm(join(folder, 'spool'), { recursive: true, force: true }),
    async state(pleases, withinMs = 240_000) {
      for (const until = Date.now() + withinMs; ; await sleep(100)) {
        const found = (await bucket.get(SOURCE))?.value
        if (found !== undefined && pleases(found)) return found
        if (Date.now() > until)
          throw new Error(`the WAL is still not so: ${JSON.stringify(found, null, 1)}\n${logTail(folder)}`)
      }
    },
    async objects(target) {
      const names = await readdir(walFolder(target), { recursive: true }).catch(() => [])
      return names.flatMap((name) => parseWalKey(name) ?? [])
    },
    async plain(target, object) {
      const names = await readdir(walFolder(target), { recursive: true })
      const name = names.find((each) => JSON.stringify(parseWalKey(each)) === JSON.stringify(object))
      const identity = fileOf(keys.identity)
      const { stdout } = await run(
        'sh',
        ['-c', `age -d -i "$1" "$2" | zstd -dc`, 'sh', identity, join(walFolder(target), name ?? '')],
        {
          encoding: 'buffer',
          maxBuffer: 64 * 1024 ** 2,
        },
      )
      return stdout
    },
    file: (target, key) => join(folder, 'targets', target, key),
    async keys(target) {
      const root = join(folder, 'targets', target)
      const entries = await readdir(root, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    },
    forget: () => bucket.delete(SOURCE),
    logOf: (service) => running.get(service)?.log() ?? '',
    async logged(service, event) {
      const told = (log: string) => log.includes(`"event":"${event}"`)
      await until(() => running.get(service)?.log() ?? '', told)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }

  function logTail(at: string): string {
    return [...running.values()].map((service) => service.log().slice(-2500)).join(`\n--- ${at}\n`)
  }
}

interface Place {
  folder: string
  keys: WorldKeys
  nats: NatsServer
  agentPort: number
  targets: readonly string[]
}

async function configOf(opts: WalHouseOptions, { folder, keys, nats, agentPort, targets }: Place) {
  const { pg } = opts
  const signing = await keys.signingKey('db1')
  const address = `127.0.0.1:${agentPort}`
  return {
    ...{ version: 1, fleet: 'test', bus: { servers: [nats.url] }, encryption: { recipients: [keys.recipient] } },
    signers: { db1: signing.publicKey },
    agents: {
      db1: {
        ...{ url: `http://${address}`, listen: address, token: keys.agentToken, signingKey: signing.reference },
        spool: { path: join(folder, 'spool') },
      },
    },
    targets: Object.fromEntries(
      targets.map((target) => [
        target,
        {
          kind: 'filesystem',
          path: join(folder, 'targets', target),
          ...(opts.mayRemove && { removal: { allowed: true } }),
        },
      ]),
    ),
    sources: {
      [SOURCE]: {
        ...{ agent: 'db1', host: pg.host, port: pg.port, database: 'postgres', user: pg.user },
        password: await keys.secret('pg', pg.password),
      },
    },
    policies: opts.policies ?? {},
    wal: {
      [SOURCE]: {
        ...{ targets, copies: { required: opts.required ?? 1 }, flushEvery: '500ms' },
        heartbeat: { enabled: false },
        ...opts.wal,
      },
    },
    uploader: { concurrency: 4 },
  }
}

function fileOf(reference: string): string {
  return reference.replace('file:', '')
}

/** Writes that much WAL, which does not compress and costs the server little. */
export async function writeWal(pg: TestPostgres, megabytes: number): Promise<void> {
  await pg.query(
    'postgres',
    `SELECT pg_logical_emit_message(true, 'load', block)
       FROM (SELECT string_agg(uuid_send(gen_random_uuid()), '') AS block FROM generate_series(1, 65536)) once,
            generate_series(1, ${megabytes})`,
  )
}

/** Somebody drops the slot; the server may need a moment to notice that nobody streams from it any more. */
export async function dropSlot(pg: TestPostgres): Promise<void> {
  const drop = () => pg.query('postgres', `SELECT pg_drop_replication_slot('${SLOT}')`)
  await vi.waitFor(drop, { timeout: 90_000, interval: 200 })
}

export async function currentLsn(pg: TestPostgres): Promise<bigint> {
  const [row] = await pg.query('postgres', 'SELECT pg_current_wal_flush_lsn()::text AS lsn')
  return parseLsn(row.lsn)
}

/** The server has heard that nothing before `lsn` is needed: what the state tells reaches it a moment earlier or later. */
export async function slotReaches(pg: TestPostgres, lsn: bigint): Promise<void> {
  const ask = 'SELECT restart_lsn::text AS lsn, active FROM pg_replication_slots'
  await until(
    () => pg.query('postgres', ask),
    ([slot]) => slot.active && parseLsn(slot.lsn) >= lsn,
  )
}

export function safeBeyond(lsn: bigint): (state: WalState) => boolean {
  return (state) => parseLsn(state.safe.lsn) >= lsn
}

/** Every segment and piece at a target is what the server has, and together they reach `until` without a hole. */
export async function expectArchive(
  house: WalHouse,
  pg: TestPostgres,
  target: string,
  until: bigint,
): Promise<WalObject[]> {
  const objects = await house.objects(target)
  const covered: { start: bigint; end: bigint }[] = []
  for (const object of objects) {
    const range = rangeOf(object, SEGMENT_BYTES)
    if (object.kind === 'history' || range === undefined) continue
    covered.push(range)
    const bytes = await house.plain(target, object)
    expect(bytes.length, object.segment).toBe(Number(range.end - range.start))
    const original = await serverSegment(pg, object.segment)
    if (original === undefined) continue
    const from = Number(range.start % BigInt(SEGMENT_BYTES))
    const same = bytes.equals(original.subarray(from, from + bytes.length))
    expect(same, `${target} has other bytes in ${object.segment} from ${from} on`).toBe(true)
  }
  covered.sort((one, other) => (one.start < other.start ? -1 : 1))
  let end = covered[0]?.start ?? 0n
  for (const span of covered) if (span.start <= end && span.end > end) end = span.end
  expect(end >= until, `${target} ends at ${end.toString(16)}, not ${until.toString(16)}`).toBe(true)
  return objects
}

/** Both targets hold everything the server has now. */
export async function everywhere(house: WalHouse, pg: TestPostgres, targets = ['north', 'south']): Promise<WalState> {
  const end = await currentLsn(pg)
  const state = await house.state((now) =>
    targets.every((target) => parseLsn(now.targets[target as TargetId]?.lsn ?? '0/0') >= end),
  )
  for (const target of targets) await expectArchive(house, pg, target, end)
  return state
}

/** A segment as the server has it, or undefined when it let it go. */
export async function serverSegment(pg: TestPostgres, name: string): Promise<Buffer | undefined> {
  return readFile(join(pg.dataDir, 'pg_wal', name)).catch(() => undefined)
}
