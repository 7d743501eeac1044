import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { restoreConnection } from '@lifeboat/postgres/connection.ts'
import { holdDatabase } from '@lifeboat/recovery/swap/hold-database.ts'
import {
  RestoreAudited,
  RestorePlanned,
  RestorePlanRequested,
  type RestoreRequested,
  RestoreSettled,
} from '@lifeboat/shared/bus/messages/restore.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { type AgentId, moment, newRestoreId, type RunId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { RestoreOrder, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import { newOperatorKey, type OperatorKey, openOperatorKey, signOrder } from '@lifeboat/shared/signing/orders.ts'
import { newSigningKeyPair, openSigner, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { lendCopies } from '@lifeboat/storage/lent/lend-copies.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { FilesystemConfig } from '@lifeboat/storage/target-config.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { factsThat, whenFacts } from '@lifeboat/testkit/facts.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { sealEvidence } from '@lifeboat/testkit/seal-evidence.ts'
import type { AgentConfig, Hook } from '../src/config.ts'
import { type AgentHouse, type AgentHouseServer, openAgentHouse, type RunningAgent, SOURCE } from './agent-house.ts'
import { anOrder, sealedTo } from './restore-order.ts'

const run = promisify(execFile)
/** Of one that hangs the child is known before the hook says that it runs. */
const HOOK = `[ "$1" != hang ] || { sleep 600 & echo $! > "$LOG.child"; }
echo "$LIFEBOAT_HOOK" >> "$LOG"
case "$1" in fail) echo "no such unit" >&2; exit 3;; hang) wait;; wait) until [ -e "$LOG.go" ]; do sleep 0.1; done; rm "$LOG.go";; esac
`
/** Every patient the database has when it is backed up. */
export const PATIENTS = 20_000

/** A database of 20 000 patients with one proven copy that is lent, and operators. */
export interface RestoreHouse extends AsyncDisposable {
  house: AgentHouse
  targets: Record<'north' | 'south', Target>
  backupId: string
  signers: Record<string, string>
  /** Lends targets on a port of its own. */
  lend(targets: readonly Target[]): Promise<AsyncDisposable & { readonly port: number }>
  /** With what backups and evidence are sealed here. */
  seals: { recipient: string; agent: Signer; verifier: Signer }
  /** Another backup, which no drill has proven. */
  unproven(change?: (manifest: Manifest) => Manifest): Promise<string>
  config(): AgentConfig
  operators: Record<'ann' | 'ben' | 'eve', OperatorKey>
  /** `restore` of the agent, as it stands in lifeboat.yaml. */
  section: Record<string, unknown>
  /** `restore` of the source, likewise. */
  login: Record<string, unknown>
  /** What whoever reads copies is told: where they are, and what opens them. */
  copies(): Promise<{ targets: string[]; sealedIdentity: string }>
  /** An order for this agent, restoring unless told otherwise. */
  order(cfg: AgentConfig, change?: object): Promise<RestoreOrder>
  /** Signs by ann and publishes as a stock client would. */
  command(cfg: AgentConfig, change?: object): Promise<RestoreOrder>
  wish(order: RestoreOrder, by?: OperatorKey): Promise<RestoreRequested>
  /** Subject and body, no headers. */
  publishRaw(wish: RestoreRequested): Promise<void>
  /** What the agent says a restore would do. */
  plan(cfg: AgentConfig, change?: Partial<RestorePlanRequested>): Promise<RestorePlan>
  /** Waits for so many endings of a command. */
  settled(restoreId: string, count?: number): Promise<RestoreSettled[]>
  audited(restoreId: string): Promise<RestoreAudited[]>
  /** As ann does; waits until that agent has heard of it. */
  cancel(restoreId: string, heardBy?: Pick<RunningAgent, 'deps'>): Promise<void>
  /** Somebody is in the database, until told to leave. */
  staying(): Promise<{ left: () => Promise<void> }>
  /** While sessions of the database, and of the one where restores log in, may only read unless they ask. */
  onlyReading(work: () => Promise<void>): Promise<void>
  patients(): Promise<number>
  lose(): Promise<void>
  /** Whether nobody else is let in to recover the database now. */
  isHeld(): Promise<boolean>
  /** Databases made or kept by restores. */
  besides(): Promise<string[]>
  /** What hooks ran since this was asked last. */
  hooksRan(): Promise<string[]>
  /** The hook that waits comes to its end. */
  letGo(): Promise<void>
  /** Whether what the hanging hook had started still runs. */
  childRuns(): Promise<boolean>
}

/** A house, and an agent that runs while the tests of a file do. */
export interface ServedRestoreHouse extends AsyncDisposable {
  at: RestoreHouse
  cfg: AgentConfig
  readonly agent: RunningAgent
  /** Another life of the agent. */
  restart(): Promise<void>
  /** To where every test begins: the rows are lost, and nothing of another restore is left. */
  begin(): Promise<void>
}

export async function serveRestoreHouse(like?: AgentHouseServer): Promise<ServedRestoreHouse> {
  await using opening = new AsyncDisposableStack()
  const at = opening.use(await openRestoreHouse(like))
  const cfg = at.config()
  let agent = await at.house.agent(cfg)
  opening.defer(() => agent[Symbol.asyncDispose]())
  const owned = opening.move()
  return {
    ...{ at, cfg },
    get agent() {
      return agent
    },
    async restart() {
      await agent[Symbol.asyncDispose]()
      agent = await at.house.agent(cfg)
    },
    async begin() {
      for (const name of await at.besides()) await at.house.pg.query('postgres', `drop database "${name}" with (force)`)
      await at.lose()
      await at.hooksRan()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export async function openRestoreHouse(like?: AgentHouseServer): Promise<RestoreHouse> {
  await using opening = new AsyncDisposableStack()
  const house = opening.use(await openAgentHouse(like))
  const { pg, folder, bus } = house
  await house.database('records')
  const [agentKey, verifierKey] = [await newSigningKeyPair(), await newSigningKeyPair()]
  const [agent, verifier] = [
    await openSigner('db1', agentKey.privateKey),
    await openSigner('verifier', verifierKey.privateKey),
  ]
  const target = async (name: string) => {
    const path = join(folder, 'targets', name)
    await mkdir(path, { recursive: true })
    return openFilesystem(name as TargetId, FilesystemConfig.parse({ kind: 'filesystem', path }))
  }
  const targets = { north: await target('north'), south: await target('south') }
  const recipientOf = async (file: string) => (await run('age-keygen', ['-y', file])).stdout.trim()
  const recipient = await recipientOf(house.identityFile)
  const seal = (change = (manifest: Manifest) => manifest) =>
    sealBackup({ pg, database: 'records', target: targets.south, recipient, signer: agent, change })
  const manifest = await seal()
  await sealEvidence(targets.south, verifier, manifest)
  // North is known to nobody who lends: a target that is away.
  const token = new Secret('the-token-of-the-spool')
  const lend = (lent: readonly Target[]) =>
    lendCopies(
      lent.map((each) => ({ target: each })),
      { listen: '127.0.0.1:0', tokens: [token], log: silentLogger },
    )
  const lending = opening.use(await lend([targets.south]))
  const ownFile = join(folder, 'agent-identity')
  await run('age-keygen', ['-o', ownFile])
  const own = await recipientOf(ownFile)
  const identity = new Secret(await readFile(ownFile, 'utf8'))
  await writeFile(join(folder, 'hook.sh'), HOOK)
  await writeFile(join(folder, 'hooks.log'), '')
  await writeFile(join(folder, 'super-password'), pg.password, { mode: 0o600 })
  const hook = (arg: string, timeout = 60_000): Hook => ({
    ...{ command: ['/bin/sh', join(folder, 'hook.sh'), arg], timeout, env: { LOG: join(folder, 'hooks.log') } },
  })
  const hooks = {
    ...{ good: hook('ok'), waiting: hook('wait', 600_000) },
    ...{ failing: hook('fail'), hanging: hook('hang', 1000) },
    stray: { ...hook('ok'), user: 'nobody-of-this-name' },
  }
  const pair = { ann: newOperatorKey(undefined), ben: newOperatorKey(undefined), eve: newOperatorKey(undefined) }
  const operators = {
    ann: openOperatorKey('ann', pair.ann.pem, undefined),
    ben: openOperatorKey('ben', pair.ben.pem, undefined),
    eve: openOperatorKey('eve', pair.eve.pem, undefined),
  }
  const known = { ann: pair.ann.publicKey, ben: pair.ben.publicKey }
  const uploaders = [`http://127.0.0.1:${lending.port}`]
  const signers = { db1: agentKey.publicKey, verifier: verifierKey.publicKey }
  const query = (sql: string, database = 'records') => pg.query(database, sql)
  let hooksSeen = 0
  const owned = opening.move()
  const made: RestoreHouse = {
    ...{ house, targets, backupId: manifest.backupId, signers, operators, seals: { recipient, agent, verifier }, lend },
    section: {
      ...{ operators: known, recipient: own, identity: `file:${ownFile}`, uploaders },
      hooks: Object.fromEntries(
        Object.entries(hooks).map(([name, each]) => [name, { ...each, timeout: `${each.timeout}ms` }]),
      ),
    },
    login: { user: pg.user, password: `file:${join(folder, 'super-password')}` },
    unproven: async (change) => (await seal(change)).backupId,
    config() {
      const cfg = house.config({ database: 'records' })
      const source = cfg.sources.get(SOURCE)
      if (!source || !('connection' in source)) throw new Error('the source is a database')
      const login = { user: pg.user, database: 'postgres' }
      const restore = restoreConnection(login, source.connection, new Secret(pg.password))
      return {
        ...{ ...cfg, signers, sources: new Map([[SOURCE, { ...source, restore }]]) },
        restore: { ...{ operators: known, signatures: 1, identity, uploaders, hooks } },
      }
    },
    copies: async () => ({ targets: ['south'], sealedIdentity: await sealedTo(own, house.identityFile) }),
    async order({ fleetId, agentId }, change = {}) {
      const { action = 'restore' } = change as { action?: string }
      const what = { backupId: manifest.backupId, unproven: false, ...(await made.copies()) }
      return anOrder({ fleetId, agentId }, { ...(action === 'restore' && what), ...change })
    },
    async command(cfg, change) {
      const order = await made.order(cfg, change)
      await made.publishRaw(await made.wish(order))
      return order
    },
    async wish(order, by = operators.ann) {
      return { restoreId: order.restoreId, agentId: order.agentId as AgentId, order: await signOrder(order, by) }
    },
    publishRaw: (wish) => publishRaw(house.natsUrl, `lifeboat.wish.restore.requested.v1.${wish.agentId}`, wish),
    async plan({ agentId }, change = {}) {
      const [restoreId, requestedAt] = [newRestoreId(Date.now()), moment(Date.now())]
      const about = { restoreId, agentId, sourceId: SOURCE, unproven: false, requestedAt, hooks: {} }
      await bus.publish(RestorePlanRequested, { ...about, targets: ['south' as TargetId], ...change })
      const { plan, error } = await house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
      if (!plan) throw new Error(`there is no plan: ${JSON.stringify(error)}`)
      return plan
    },
    settled: (restoreId, count = 1) =>
      whenFacts(bus, RestoreSettled, (fact) => fact.restoreId === restoreId, { count, withinMs: 240_000 }),
    audited: (restoreId) => factsThat(bus, RestoreAudited, (fact) => fact.restoreId === restoreId),
    async cancel(restoreId, heardBy) {
      const cancels = await bus.bucket(CANCELS_BUCKET)
      const runId = restoreId as RunId
      using heard = heardBy?.deps.cancels.of(runId)
      const said = { by: 'ann', reason: 'the wrong source', at: moment(Date.now()) }
      await cancels.put(runId, { runId, why: 'cancelled', ...said })
      if (heard && !heard.signal.aborted) await once(heard.signal, 'abort')
    },
    async staying() {
      const ended = query('select pg_sleep(3600)').catch(() => {})
      const sessions = `from pg_stat_activity where datname = 'records' and query ~ 'pg_sleep'`
      await until(
        () => query(`select pid ${sessions}`, 'postgres'),
        ({ length }) => length > 0,
      )
      const left = async () => {
        await query(`select pg_terminate_backend(pid) ${sessions}`, 'postgres')
        await ended
      }
      return { left }
    },
    async onlyReading(work) {
      const names = ['records', 'postgres']
      const say = (what: string) => names.map((name) => `alter database ${name} ${what} default_transaction_read_only`)
      await query(`${say('set').join(' = on; ')} = on`, 'postgres')
      try {
        await work()
      } finally {
        await query(`begin read write; ${say('reset').join('; ')}; commit`, 'postgres')
      }
    },
    patients: async () => (await query('select count(*)::int as rows from patient'))[0].rows,
    async isHeld() {
      const to = { host: pg.socketDir, port: pg.port, database: 'postgres', user: pg.user, sslmode: 'disable' } as const
      const held = await holdDatabase(to, 'records').catch(LifeboatError.from)
      if (held instanceof LifeboatError) return held.code === 'RECOVERY_UNDER_WAY'
      await held[Symbol.asyncDispose]()
      return false
    },
    lose: async () => void (await query('truncate patient')),
    async besides() {
      const like = `select datname from pg_database where datname ~ '_(restoring|before|reverted)_' order by 1`
      return (await query(like, 'postgres')).map(({ datname }) => String(datname))
    },
    async hooksRan() {
      const lines = (await readFile(join(folder, 'hooks.log'), 'utf8')).split('\n').slice(0, -1)
      const fresh = lines.slice(hooksSeen)
      hooksSeen = lines.length
      return fresh
    },
    letGo: () => writeFile(join(folder, 'hooks.log.go'), ''),
    async childRuns() {
      const pid = (await readFile(join(folder, 'hooks.log.child'), 'utf8')).trim()
      const { stdout } = await run('ps', ['-o', 'stat=', '-p', pid]).catch(() => ({ stdout: '' }))
      return stdout.trim() !== '' && !stdout.startsWith('Z')
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return made
}

/** @see https://docs.nats.io/reference/reference-protocols/nats-protocol */
async function publishRaw(url: string, subject: string, body: object): Promise<void> {
  const { hostname, port } = new URL(url)
  const text = JSON.stringify(body)
  const socket = connect(Number(port), hostname)
  socket.write(`CONNECT {"verbose":false}\r\nPUB ${subject} ${Buffer.byteLength(text)}\r\n${text}\r\nPING\r\n`)
  for await (const chunk of socket) if (String(chunk).includes('PONG')) break
  socket.destroy()
}
