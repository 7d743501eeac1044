import { setTimeout as pause } from 'node:timers/promises'
import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import type { TargetKind } from '@lifeboat/testkit/world/targets.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { type BenchReport, median } from './report.ts'
import { lastFull, makeBacklog, prepareBacklog, SEGMENT_BYTES } from './support/backlog.ts'
import { openPeers } from './support/cluster.ts'

const CORES = 2
const LOOK_MS = 20
const WITHIN_MS = 600_000
const ONE_FOLDER = { one: 'filesystem' } as const
const THREE_FOLDERS = { north: 'filesystem', south: 'filesystem', west: 'filesystem' } as const

/** Somebody who takes WAL off the server. */
interface Taker {
  label: string
  /** Takes none for now; the server keeps it. */
  hold(): Promise<void>
  /** Takes again; resolves when it begins. */
  release(): Promise<void>
  /** Whether everything before this position is in the repository. */
  has(position: bigint): Promise<boolean>
}

/** Segments per second of each round. */
interface Way {
  label: string
  speeds: number[]
}

/** `pnpm bench wal-push [64] [3] [3]`: how fast a backlog of so many segments leaves the server, beside pgBackRest's asynchronous push at the same level of zstd. */
export async function bench([segments = '64', rounds = '3', level = '3']: readonly string[]): Promise<BenchReport> {
  const wanted = { segments: Number(segments), rounds: Number(rounds), level: Number(level) }
  const one = await measure(ONE_FOLDER, 'Lifeboat, one folder, encrypted', wanted)
  // A server has one archive_command, so a peer that encrypts stands beside the three folders.
  const three = await measure(THREE_FOLDERS, 'Lifeboat, three folders, encrypted', { ...wanted, encrypt: true })
  const [oneFolder, ...peers] = one.ways
  const [threeFolders, ...encryptingPeers] = three.ways
  const speedOf = (way: Way | undefined) => median(way?.speeds ?? [])
  const against = (peer: Way, ours: Way | undefined) => ({
    what: `time per segment of ${ours?.label} against ${peer.label}`,
    ratio: speedOf(peer) / speedOf(ours),
  })
  return {
    title: `A backlog of ${segments} segments of ${formatBytes(SEGMENT_BYTES)}, PostgreSQL ${one.major}, zstd ${level}, medians of ${rounds} rounds.`,
    tables: [
      {
        columns: ['what', 'segments per second', 'all rounds'],
        rows: [...one.ways, ...three.ways].map((way) => [
          way.label,
          speedOf(way).toFixed(1),
          way.speeds.map((speed) => speed.toFixed(1)).join(' '),
        ]),
      },
    ],
    ratios: [
      ...peers.flatMap((peer) => [{ ...against(peer, oneFolder), limit: 1 }, against(peer, threeFolders)]),
      ...encryptingPeers.map((peer) => against(peer, oneFolder)),
    ],
    notes: [
      'From the first word of the stream (Lifeboat), or from the moment archive_command is set (pgBackRest, archive-async, process-max=2), until the server is told that the last segment of the backlog is safe; the same WAL for both. The limit is against pgBackRest without its encryption.',
      ...one.missing.map((name) => `NOT MEASURED: ${name} is not installed on this machine.`),
    ],
  }
}

async function measure(
  targets: Readonly<Record<string, TargetKind>>,
  label: string,
  { segments, rounds, level, encrypt = false }: { segments: number; rounds: number; level: number; encrypt?: boolean },
): Promise<{ ways: Way[]; missing: string[]; major: number }> {
  await using world = await startWorld({
    services: ['backup-agent', 'uploader'],
    targets,
    configure: (config) => keepWal(config, level),
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  const { postgres } = world.source
  await prepareBacklog(postgres)
  await using peers = await openPeers(postgres, {
    ...{ level, processes: CORES, asyncPush: true, encrypt },
    only: ['pgBackRest'],
  })
  // One connection for all looks: a login each time would take from the server what is measured. Opening a peer restarted it.
  await using looking = await connectSource(
    { host: postgres.socketDir, port: postgres.port, database: 'postgres', user: 'postgres', sslmode: 'disable' },
    { applicationName: 'bench', lockTimeoutMs: WITHIN_MS },
  )
  const takers = [lifeboat(world, looking, label), ...peers.open.map(({ name }) => archiver(looking, name))]
  const ways = takers.map((taker): Way => ({ label: taker.label, speeds: [] }))
  // An archiver that was switched on is given no segment before one is full.
  await postgres.query('postgres', 'SELECT pg_switch_wal()')
  for (const taker of takers) await until(async () => taker.has(await lastFull(postgres)))
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}`)
    for (const taker of takers) await taker.hold()
    const count = await makeBacklog(postgres, segments)
    const end = await lastFull(postgres)
    // Nobody is always the first to read it.
    const order = round % 2 === 0 ? [...takers.keys()].reverse() : [...takers.keys()]
    for (const at of order) {
      const taker = takers[at] as Taker
      await taker.release()
      const began = performance.now()
      await until(() => taker.has(end))
      ways[at]?.speeds.push(count / ((performance.now() - began) / 1000))
    }
  }
  return { ways, missing: peers.missing, major: postgres.major }
}

function keepWal(config: WorldConfig, level: number): void {
  const policy = config.policies[POLICY]
  const agent = config.agents[AGENT]
  if (!policy || !agent) throw new LifeboatError('INTERNAL', { message: 'the world has no policy or agent to copy' })
  // As an operator has it who changes nothing.
  agent.spool = { path: agent.spool.path }
  const { targets } = policy
  config.wal = {
    [SOURCE]: { targets: [...targets], copies: { required: targets.length }, compressionLevel: level },
  }
}

/** Held by not letting it in. */
function lifeboat({ source: { user } }: World, server: SourceClient, label: string): Taker {
  const one = async (sql: string) => (await server.query(sql)).rows
  const stream = `FROM pg_stat_replication WHERE application_name = 'lifeboat_${SOURCE}'`
  return {
    label,
    async hold() {
      await one(`ALTER ROLE ${user} NOLOGIN`)
      await one(`SELECT pg_terminate_backend(pid) ${stream}`)
    },
    async release() {
      await one(`ALTER ROLE ${user} LOGIN`)
      await until(async () => (await one(`SELECT 1 ${stream}`)).length > 0)
    },
    async has(position) {
      const [row] = await one(`SELECT flush_lsn::text AS safe ${stream}`)
      return row?.safe !== undefined && row.safe !== null && parseLsn(row.safe) >= position
    },
  }
}

/** Held by having no command. */
function archiver(server: SourceClient, label: string): Taker {
  const one = async (sql: string) => (await server.query(sql)).rows
  let command: string | undefined
  return {
    label,
    async hold() {
      command ??= (await one('SHOW archive_command'))[0]?.archive_command
      await one(`ALTER SYSTEM SET archive_command = ''`)
      await one('SELECT pg_reload_conf()')
    },
    async release() {
      await one(`ALTER SYSTEM SET archive_command = '${command?.replaceAll("'", "''")}'`)
      await one('SELECT pg_reload_conf()')
    },
    async has(position) {
      const last = `pg_walfile_name('0/0'::pg_lsn + ${position - 1n})`
      const [row] = await one(`SELECT coalesce(last_archived_wal, '') >= ${last} AS reached FROM pg_stat_archiver`)
      return row?.reached === true
    },
  }
}

async function until(reached: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; await pause(LOOK_MS)) if (await reached()) return
  throw new LifeboatError('INTERNAL', { message: 'the WAL did not become safe in time' })
}
