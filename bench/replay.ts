import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { resolveSecret } from '@lifeboat/config/resolve-secret.ts'
import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import { openScratchRoom, type ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { scratchConnection } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import { extractBackup, type PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { type Archive, listArchive } from '@lifeboat/recovery/list-archive.ts'
import { listPhysicalBackups } from '@lifeboat/recovery/list-backups.ts'
import { planRecovery, type RecoveryPlan } from '@lifeboat/recovery/plan/plan.ts'
import { findSuperuser } from '@lifeboat/recovery/recover/find-superuser.ts'
import { prepareCluster } from '@lifeboat/recovery/recover/prepare-cluster.ts'
import { recover } from '@lifeboat/recovery/recover/recover.ts'
import { recoverySettings } from '@lifeboat/recovery/recover/recovery-settings.ts'
import { startRecovery } from '@lifeboat/recovery/recover/start-recovery.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { FleetId, type PolicyId, RunId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { openTargetOf } from '@lifeboat/testkit/world/tamper.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { type BenchReport, median } from './report.ts'
import { lastFull, makeBacklog, prepareBacklog, SEGMENT_BYTES } from './support/backlog.ts'
import { backupSeconds } from './support/backup-seconds.ts'
import { program } from './support/programs.ts'

const TARGET = 'repository'
const BASE = 'base' as PolicyId
const PORT = 5432
const WITHIN_MS = 600_000
/** All of them together. */
const ROUNDS_WITHIN_MS = 7_200_000
/** The promise is 0.9 of the speed, so 1/0.9 of the time. */
const LIMIT = 1.11
const REDONE = /redo done at .*elapsed: ([\d.]+) s/

/** What both ways start from: one extracted base, its plan, and the archive twice. */
interface Stage {
  world: World
  reader: Reader
  plan: RecoveryPlan
  archive: Archive['wal']
  systemIdentifier: string
  template: ScratchRoom
  /** Plain segments, as archive_command copied them. */
  local: string
}

/** `pnpm bench replay [64] [3]`: how fast WAL is replayed out of an encrypted archive, beside a local folder of plain segments and `cp`. */
export async function bench([segments = '64', rounds = '3']: readonly string[]): Promise<BenchReport> {
  await using world = await startWorld({
    services: ['scheduler', 'backup-agent', 'uploader'],
    targets: { [TARGET]: 'filesystem' },
    configure: keepAll,
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  const { postgres } = world.source
  const local = await archiveLocally(postgres, world.folder)
  await prepareBacklog(postgres)
  {
    await using bus = await connectBus({ servers: [world.nats.url], name: 'bench', log: silentLogger })
    await backupSeconds(bus, { policyId: BASE, kind: 'base', copies: 1 })
  }
  console.error('writing WAL')
  const count = await makeBacklog(postgres, Number(segments))
  await untilSafe(postgres, local)
  for (const service of ['scheduler', 'backup-agent', 'uploader']) await world.kill(service, 'SIGTERM')
  await postgres.stop()
  await using stage = await openStage(world, local)
  const ways = [
    { label: 'Lifeboat: fetched, decrypted, decompressed, compared', run: ours, times: [] as number[] },
    { label: 'cp from a local folder of plain segments', run: byCopy, times: [] as number[] },
  ]
  for (let round = 1; round <= Number(rounds); round++) {
    console.error(`round ${round} of ${rounds}`)
    for (const way of ways) way.times.push(await timed(stage, `${round}-${ways.indexOf(way)}`, way.run))
  }
  const [mine, copy] = ways.map(({ times }) => median(times)) as [number, number]
  return {
    title: `Replay of ${count} segments of ${formatBytes(SEGMENT_BYTES)} over the same base, PostgreSQL ${postgres.major}, medians of ${rounds} rounds.`,
    tables: [
      {
        columns: ['restore_command', 'seconds', 'segments per second', 'all rounds'],
        rows: ways.map(({ label, times }) => [
          label,
          median(times).toFixed(1),
          (count / median(times)).toFixed(1),
          times.map((time) => time.toFixed(1)).join(' '),
        ]),
      },
    ],
    ratios: [{ what: 'time against cp', ratio: mine / copy, limit: LIMIT }],
    notes: ["From the server's own log: how long redo took. Server and getter share the cores of this machine."],
  }
}

function keepAll(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (!policy) throw new LifeboatError('INTERNAL', { message: 'the world has no policy to copy' })
  config.policies[BASE] = { ...policy, kind: 'base' }
  config.wal = { [SOURCE]: { targets: [...policy.targets], flushEvery: '2s' } }
}

async function archiveLocally(postgres: TestPostgres, folder: string): Promise<string> {
  const local = join(folder, 'local-archive')
  await mkdir(local, { mode: 0o777 })
  await program('chmod', ['0777', local])
  for (const setting of ['archive_mode = on', `archive_command = 'cp %p ${local}/%f'`])
    await postgres.query('postgres', `ALTER SYSTEM SET ${setting}`)
  await postgres.restart()
  return local
}

/** Until both archives have everything that is full. */
async function untilSafe(postgres: TestPostgres, local: string): Promise<void> {
  const end = await lastFull(postgres)
  const name = `pg_walfile_name('0/0'::pg_lsn + ${end - 1n})`
  for (const until = Date.now() + WITHIN_MS; Date.now() < until; await pause(200)) {
    const [row] = await postgres.query(
      'postgres',
      `SELECT coalesce(last_archived_wal, '') >= ${name} AS copied,
         (SELECT flush_lsn::text FROM pg_stat_replication WHERE application_name = 'lifeboat_${SOURCE}') AS safe
       FROM pg_stat_archiver`,
    )
    if (row.copied && row.safe && parseLsn(row.safe) >= end) return
  }
  throw new LifeboatError('INTERNAL', { message: `the WAL did not become safe in time, here or in ${local}` })
}

async function openStage(world: World, local: string): Promise<Stage & AsyncDisposable> {
  const { config, folder } = world
  await using scope = new AsyncDisposableStack()
  const target = scope.use(await openTargetOf(world, TARGET))
  const workDir = join(folder, 'work')
  await mkdir(workDir, { mode: 0o700 })
  const signal = AbortSignal.timeout(ROUNDS_WITHIN_MS)
  const identity = resolveSecret(config.verifier?.identity as SecretRef, {
    env: process.env,
    baseDir: dirname(world.configPath),
  })
  const run = { id: RunId.parse('replay'), signal, log: silentLogger, report() {} }
  const reader: Reader = { target, run, identity, workDir, toolPaths: [], tools: {}, arrived() {} }
  const trust = { fleetId: FleetId.parse(config.fleet), signers: config.signers }
  const backups = await listPhysicalBackups(reader, SOURCE as SourceId, trust)
  const newest = backups.at(-1) as PhysicalManifest
  const { systemIdentifier } = newest.server
  const { segmentBytes } = newest.physical
  const archive = await listArchive(reader, SOURCE as SourceId, { systemIdentifier, segmentBytes })
  const plan = planRecovery({ backups, ...archive, now: Date.now() }, { goal: { to: 'latest' } })
  const template = scope.use(await openRoom(world, 'template', signal))
  await extractBackup(reader, newest, template)
  const owned = scope.move()
  return {
    ...{ world, reader, plan, archive: archive.wal, systemIdentifier, template, local },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function openRoom({ folder, source }: World, name: string, signal: AbortSignal): Promise<ScratchRoom> {
  const root = join(folder, 'scratch')
  const tools = ['postgres', 'pg_controldata']
  return openScratchRoom({ root, name, major: source.postgres.major, needBytes: 0, toolPaths: [], tools, signal })
}

/** @returns seconds the server says it replayed */
async function timed(
  stage: Stage,
  name: string,
  run: (stage: Stage, room: ScratchRoom) => Promise<void>,
): Promise<number> {
  await using room = await openRoom(stage.world, `replay-${name}`, stage.reader.run.signal)
  await program('cp', ['-a', stage.template.dataDir, room.dataDir])
  await run(stage, room)
  const [, elapsed] = REDONE.exec(await readFile(join(room.folder, 'server.log'), 'utf8')) ?? []
  if (elapsed === undefined)
    throw new LifeboatError('INTERNAL', { message: 'the server does not say that it replayed' })
  return Number(elapsed)
}

async function ours({ reader, plan, archive, systemIdentifier }: Stage, room: ScratchRoom): Promise<void> {
  const place = { ...room, port: PORT }
  const { server, getter } = await startRecovery({
    ...{ reader, plan, archive, systemIdentifier, place, atGoal: 'promote', settings: CARELESS },
  })
  await stopServer(server, 'immediate')
  await getter?.[Symbol.asyncDispose]()
}

async function byCopy({ plan, reader, local }: Stage, room: ScratchRoom): Promise<void> {
  const { dataDir, folder, socketDir } = room
  const { floors, files } = await prepareCluster(dataDir, folder, room)
  const { goal, timeline } = plan
  const restoreCommand = `cp ${local}/%f "%p"`
  const settings = recoverySettings({
    ...{ goal, timeline, atGoal: 'promote', restoreCommand, floors, port: PORT, socketDir },
  })
  const connection = { ...scratchConnection(socketDir, 'template1', await findSuperuser(dataDir)), port: PORT }
  const { path: postgres } = await room.tools.program('postgres')
  const { server } = await recover({
    ...{ plan, getter: undefined, atGoal: 'promote', connection },
    server: { ...room, postgres, settings: { ...CARELESS, ...files, ...settings }, signal: reader.run.signal },
  })
  await stopServer(server, 'immediate')
}
