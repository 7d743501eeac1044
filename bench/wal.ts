import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { type BenchReport, median } from './report.ts'
import { program } from './support/programs.ts'

const FLUSH_SECONDS = 2
/** What the promise allows beyond the timer. */
const SPARE_SECONDS = 2
const CLIENTS = 4
const LOOK_MS = 100
const QUIET_WITHIN_MS = 120_000
const POSITIONS = `SELECT pg_current_wal_lsn()::text AS written,
  (SELECT flush_lsn::text FROM pg_stat_replication WHERE application_name = 'lifeboat_${SOURCE}') AS safe`

/** One look at the server: how far it wrote, and how far every target has it. */
interface Look {
  atMs: number
  written: bigint
  safe: bigint
}

/** `pnpm bench wal [30]`: how long WAL takes to be held by three of three cloud servers while pgbench writes as fast as it can. */
export async function bench([duration = '30']: readonly string[]): Promise<BenchReport> {
  await using world = await startWorld({
    services: ['backup-agent', 'uploader'],
    targets: { aws: 's3', google: 'gcs', azure: 'azure' },
    configure: keepWal,
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  await pgbench(world, ['--initialize', '--quiet', '--scale=20'])
  await untilSafe(world)
  const looks = await lookWhile(
    world,
    pgbench(world, [`--client=${CLIENTS}`, '--jobs=2', `--time=${duration}`, '--no-vacuum']),
  )
  const lags = lagsOf(looks)
  const bytes = Number((looks.at(-1)?.written ?? 0n) - (looks[0]?.written ?? 0n))
  const p99 = percentile(lags, 0.99)
  return {
    title: `WAL under \`pgbench -c ${CLIENTS}\` for ${duration} s, held by three of three cloud servers; flush timer ${FLUSH_SECONDS} s.`,
    tables: [
      {
        columns: ['written', 'per second', 'lag: median', 'p99', 'longest'],
        rows: [
          [
            formatBytes(bytes),
            formatBytes(bytes / Number(duration)),
            ...[median(lags), p99, Math.max(...lags)].map((seconds) => `${seconds.toFixed(1)} s`),
          ],
        ],
      },
    ],
    ratios: [
      {
        what: `p99 of the lag against the flush timer and ${SPARE_SECONDS} s`,
        ratio: p99 / (FLUSH_SECONDS + SPARE_SECONDS),
        limit: 1,
      },
    ],
    notes: [
      `Measured at the server, every ${LOOK_MS} ms: from the moment a position was written until the flush position Lifeboat reported to the slot had passed it.`,
      'Server, pgbench, agent, uploader, NATS and the three cloud servers share the cores of this machine.',
    ],
  }
}

function keepWal(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (!policy) throw new LifeboatError('INTERNAL', { message: 'the world has no policy to copy targets from' })
  const { targets } = policy
  config.wal = {
    [SOURCE]: { targets: [...targets], copies: { required: targets.length }, flushEvery: `${FLUSH_SECONDS}s` },
  }
}

function pgbench({ source: { postgres } }: World, args: readonly string[]): Promise<void> {
  const where = ['--host', postgres.socketDir, '--port', String(postgres.port), '--username', postgres.user]
  return program(join(postgres.binDir, 'pgbench'), [...args, ...where, 'postgres'])
}

/** Looks until the work has ended and everything it wrote is safe. */
async function lookWhile(world: World, work: Promise<void>): Promise<Look[]> {
  const looks: Look[] = []
  let ended = false
  void work.finally(() => {
    ended = true
  })
  while (!ended) {
    looks.push(await look(world))
    await pause(LOOK_MS)
  }
  await work
  looks.push(...(await untilSafe(world)))
  return looks
}

async function untilSafe(world: World): Promise<Look[]> {
  const { written } = await look(world)
  const looks: Look[] = []
  for (const until = Date.now() + QUIET_WITHIN_MS; Date.now() < until; await pause(LOOK_MS)) {
    const now = await look(world)
    // What comes after this look is nobody's question any more.
    looks.push({ ...now, written })
    if (now.safe >= written) return looks
  }
  throw new LifeboatError('INTERNAL', { message: 'the WAL did not become safe in time' })
}

async function look({ source }: World): Promise<Look> {
  const [row] = await source.postgres.query('postgres', POSITIONS)
  return { atMs: performance.now(), written: parseLsn(row.written), safe: parseLsn(row.safe ?? '0/0') }
}

/** For each look, how many seconds later everything written by then was safe. */
function lagsOf(looks: readonly Look[]): number[] {
  let at = 0
  return looks.flatMap(({ atMs, written }) => {
    while (at < looks.length && (looks[at] as Look).safe < written) at += 1
    const safe = looks[at]
    return safe === undefined ? [] : [Math.max(0, safe.atMs - atMs) / 1000]
  })
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}
