import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import { AGENT, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { byAnn, letRestore, type Operators } from '@lifeboat/testkit/world/operators.ts'
import { offSiteNow, WEEKLY, WEST, withBasesAndWal } from '@lifeboat/testkit/world/physical.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { openStock } from './peers/stock.ts'
import { type BenchReport, median } from './report.ts'
import { archived, bringBackByHand, DAMAGED } from './support/by-hand.ts'
import { openPeers } from './support/cluster.ts'
import { since } from './support/programs.ts'
import type { Restorer } from './support/restores.ts'
import { byTurns } from './support/turns.ts'

const LEVEL = 3
const CORES = 2
const TABLE = 'consents'
const SHARE = 0.01
/** A tenth less than by hand is the least that anybody notices beyond what one machine differs from itself. */
const LIMIT = 0.9
const CONTENTS = `SELECT count(*)::int AS rows, sum(hashtext(t::text)) AS hash FROM ${TABLE} t`

/** One way to bring the table back, and what it took in each round, seconds. */
interface Way {
  label: string
  bringBack(): Promise<number>
  /** What it kept of the damaged table goes. */
  tidy(): Promise<void>
  times: number[]
}

/** `pnpm bench [--on 17] table [4GB] [3]`: one table of a hundredth of the database, as of a moment, out of a physical backup: by one signed command, and by hand with another tool. */
export async function bench([size = '4GB', rounds = '3']: readonly string[]): Promise<BenchReport> {
  await using world = await startWorld({
    databaseMb: ByteSize.parse(size) / 1e6,
    services: ['scheduler'],
    targets: { [WEST]: 'filesystem' },
    // As it is unless somebody turns it off: servers of tests have it off.
    serverSettings: { full_page_writes: 'on' },
    configure,
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  const { postgres } = world.source
  const tableBytes = await makeTable(world)
  const how = { level: LEVEL, processes: CORES, encrypt: true }
  await using peers = await openPeers(postgres, { ...how, only: ['pgBackRest'], orElse: openStock })
  const operators = await letRestore(world, { clusters: true })
  await Promise.all((['backup-agent', 'uploader'] as const).map((service) => world.start(service)))
  console.error('taking a base, and another tool its own')
  await world.json(['backup', 'now', SOURCE, '--policy', WEEKLY, '--wait', 'stored'])
  for (const peer of peers.open) await peer.backup('full')
  const moment = await momentAfterChanges(world)
  const restorers = peers.open.flatMap((peer) => (peer.restore ? [{ ...peer, restore: peer.restore }] : []))
  const ways = [ours(world, operators, moment), ...restorers.map((peer) => byHand(world, peer, moment))]
  await measure(world, ways, Number(rounds))
  return report(ways, { tableBytes, databaseBytes: await databaseBytes(world), rounds, major: postgres.major })
}

/** As an operator has it who changes nothing; the world's own parts are small, for small databases. */
function configure(config: WorldConfig): void {
  withBasesAndWal(config)
  const [policy, agent] = [config.policies[WEEKLY], config.agents[AGENT]]
  if (!policy || !agent) throw new LifeboatError('INTERNAL', { message: 'the world has no policy or agent to change' })
  policy.base = { compressionLevel: LEVEL, workers: CORES }
  agent.spool = { path: agent.spool.path }
}

/** Rows, indexes and rules like those of the validation results, so many that it is the share of the database. @returns its size, indexes included */
async function makeTable({ source: { postgres, database } }: World): Promise<number> {
  const [row] = await postgres.query(
    database,
    `CREATE TABLE ${TABLE} (LIKE validation_results INCLUDING ALL);
     INSERT INTO ${TABLE} SELECT * FROM validation_results
      LIMIT (SELECT (count(*) * ${SHARE} * pg_database_size(current_database()) / pg_total_relation_size('validation_results'))::bigint FROM validation_results);
     ANALYZE ${TABLE};
     SELECT pg_total_relation_size('${TABLE}')::float8 AS bytes`,
  )
  // As one is that has been there for a while.
  await postgres.query(database, 'VACUUM')
  return row.bytes
}

async function databaseBytes({ source: { postgres, database } }: World): Promise<number> {
  const [row] = await postgres.query(database, 'SELECT pg_database_size(current_database())::float8 AS bytes')
  return row.bytes
}

/** Everybody has WAL to replay up to that moment, and some behind it. */
async function momentAfterChanges(world: World): Promise<string> {
  const { postgres, database } = world.source
  await postgres.query(database, 'UPDATE observations SET value = value + 1 WHERE hashtext(id::text) % 100 = 0')
  const moment = await offSiteNow(world)
  await postgres.query(database, 'CREATE TABLE somebody_elses ()')
  await offSiteNow(world)
  await archived(postgres)
  return moment
}

function ours(world: World, operators: Operators, moment: string): Way {
  const table = ['--table', TABLE]
  const asOf = ['--until', moment, '--replace', '--unproven', '--identity', operators.identityFile]
  return {
    label: '`lifeboat restore run --table --until`, the whole command',
    times: [],
    async bringBack() {
      const took = since()
      await world.json(['restore', 'run', SOURCE, ...byAnn(operators), ...table, ...asOf])
      return took()
    },
    tidy: () => world.json(['restore', 'release', SOURCE, ...byAnn(operators), ...table]),
  }
}

function byHand({ source: { postgres, database } }: World, peer: Restorer, moment: string): Way {
  return {
    label: `by hand: the cluster beside by ${peer.name}, then pg_dump -t into psql`,
    times: [],
    bringBack: () => bringBackByHand(peer, { postgres, database, table: TABLE, moment }),
    tidy: () => postgres.query(database, `DROP SCHEMA ${DAMAGED} CASCADE`).then(() => {}),
  }
}

async function measure({ source: { postgres, database } }: World, ways: readonly Way[], rounds: number): Promise<void> {
  const before = await postgres.query(database, CONTENTS)
  await byTurns(ways, rounds, async ({ label, times, bringBack, tidy }) => {
    await postgres.query(database, `DELETE FROM ${TABLE}`)
    times.push(await bringBack())
    const [found] = await postgres.query(database, CONTENTS)
    if (found.hash !== before[0].hash || found.rows !== before[0].rows)
      throw new LifeboatError('INTERNAL', { message: 'what came back is not what was lost', label, found })
    await tidy()
  })
}

interface Measured {
  tableBytes: number
  databaseBytes: number
  rounds: string
  major: number
}

function report(ways: readonly Way[], { tableBytes, databaseBytes, rounds, major }: Measured): BenchReport {
  const [mine, ...others] = ways
  return {
    title: `A table of ${formatBytes(tableBytes)} in a database of ${formatBytes(databaseBytes)}, as of a moment after the backup, PostgreSQL ${major}, medians of ${rounds} rounds.`,
    tables: [
      {
        columns: ['what', 'seconds', 'all rounds'],
        rows: ways.map(({ label, times }) => [
          label,
          median(times).toFixed(1),
          times.map((time) => time.toFixed(1)).join(' '),
        ]),
      },
    ],
    ratios: others.map(({ label, times }) => ({
      what: `one command against doing it ${label}`,
      ratio: median(mine?.times ?? []) / median(times),
      limit: LIMIT,
    })),
    notes: [
      'Both fetch, decrypt and decompress the whole backup, on the same cores; Lifeboat writes only what the table needs of it. Both replay to the same moment on a server that saves nothing to the disk, and put the same rows back into the live database; who begins a round changes with each.',
      'The server writes full pages into its WAL, as servers do, and the database was vacuumed after it was filled.',
      'The command of Lifeboat is timed from its start to its end: plan, signature, the way to the agent and back, rows compared with those of the backup and with the present ones, which are kept beside, and everything removed that was needed meanwhile. By hand the clock stops when the rows are in, nothing is compared, and nobody has to type.',
    ],
  }
}
