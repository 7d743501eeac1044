import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import { AGENT, POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { type BenchReport, median } from './report.ts'
import { backupSeconds } from './support/backup-seconds.ts'

const run = promisify(execFile)

const FOLDERS = ['north', 'south', 'west']
const CLOUDS = { aws: 's3', google: 'gcs', azure: 'azure' } as const

/** What is measured; each is a policy of its own in the world. `hashed`: the whole fingerprint, else row counts only. */
const CASES = {
  'one-folder': { label: 'Lifeboat, one folder', targets: FOLDERS.slice(0, 1), hashed: false },
  'three-folders': { label: 'Lifeboat, three folders', targets: FOLDERS, hashed: false },
  'with-fingerprint': { label: 'Lifeboat, three folders, whole fingerprint', targets: FOLDERS, hashed: true },
  'three-clouds': { label: 'Lifeboat, servers for S3, GCS and Azure', targets: Object.keys(CLOUDS), hashed: false },
} as const
type Case = keyof typeof CASES

interface Times {
  plain: number[]
  cases: Record<Case, number[]>
  plainBytes: number
  databaseBytes: number
}

/** `pnpm bench dump [1GB] [3]`: from the wish to the last complete copy, against pg_dump piped through zstd and age into a file. */
export async function bench([size = '1GB', rounds = '3']: readonly string[]): Promise<BenchReport> {
  const times = await measure(ByteSize.parse(size), Number(rounds))
  const plain = median(times.plain)
  const seconds = (of: Case) => median(times.cases[of])
  const names = Object.keys(CASES) as Case[]
  return {
    title: `A FHIR database of ${formatBytes(times.databaseBytes)} (${formatBytes(times.plainBytes)} sealed), medians of ${rounds} rounds.`,
    tables: [
      {
        columns: ['what', 'seconds', 'against plain', 'all rounds'],
        rows: [
          ['pg_dump -Fc -Z0 \\| zstd -T0 -3 \\| age > file', plain.toFixed(1), '1.00', listed(times.plain)],
          ...names.map((name) => [
            CASES[name].label,
            seconds(name).toFixed(1),
            (seconds(name) / plain).toFixed(2),
            listed(times.cases[name]),
          ]),
        ],
      },
    ],
    ratios: [
      {
        what: 'dump to three folders against the plain pipeline',
        ratio: seconds('three-folders') / plain,
        limit: 1.15,
      },
      { what: 'three folders against one', ratio: seconds('three-folders') / seconds('one-folder'), limit: 1.2 },
      {
        what: 'with the whole fingerprint against without',
        ratio: seconds('with-fingerprint') / seconds('three-folders'),
      },
      { what: 'three cloud servers against three folders', ratio: seconds('three-clouds') / seconds('three-folders') },
    ],
    notes: [
      'Lifeboat is timed from the wish on the bus to the last complete copy: snapshot, dump, roles, row counts, parts fsynced, hashed, fetched by the uploader, stored, manifest last.',
      'The database server, the agent, the uploader, NATS and the cloud servers share the cores of this machine.',
    ],
  }
}

async function measure(bytes: number, rounds: number): Promise<Times> {
  await using world = await startWorld({
    databaseMb: bytes / 1e6,
    services: ['backup-agent', 'uploader'],
    targets: { ...Object.fromEntries(FOLDERS.map((name) => [name, 'filesystem' as const])), ...CLOUDS },
    configure: addPolicies,
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  await using bus = await connectBus({ servers: [world.nats.url], name: 'bench', log: silentLogger })
  const times: Times = { plain: [], cases: emptyCases(), plainBytes: 0, databaseBytes: await databaseBytes(world) }
  await plainDump(world)
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}`)
    const plain = await plainDump(world)
    times.plain.push(plain.seconds)
    times.plainBytes = plain.bytes
    for (const name of Object.keys(CASES) as Case[]) times.cases[name].push(await caseSeconds(bus, name))
  }
  return times
}

/** One policy per case, and parts of a size that lets uploads begin while the dump runs. */
function addPolicies(config: WorldConfig): void {
  const agent = config.agents[AGENT]
  const policy = config.policies[POLICY]
  if (!agent || !policy) throw new LifeboatError('INTERNAL', { message: 'the world has no agent or policy to copy' })
  agent.spool = { ...agent.spool, partBytes: '16MiB', maxBytes: '4GiB' }
  for (const [name, { targets, hashed }] of Object.entries(CASES)) {
    const fingerprint = hashed ? {} : { hashTablesUpTo: '1B' }
    config.policies[name] = { ...policy, targets: [...targets], copies: { required: targets.length }, fingerprint }
  }
}

function emptyCases(): Record<Case, number[]> {
  return { 'one-folder': [], 'three-folders': [], 'with-fingerprint': [], 'three-clouds': [] }
}

async function databaseBytes({ source }: World): Promise<number> {
  const [row] = await source.postgres.query(
    source.database,
    'SELECT pg_database_size(current_database())::text AS bytes',
  )
  return Number(row?.bytes)
}

async function plainDump({ source, config }: World): Promise<{ seconds: number; bytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))
  try {
    const { binDir, host, port, user, password } = source.postgres
    const script = '"$1"/pg_dump -Fc -Z0 "$2" | zstd -q -T0 -3 | age -r "$3" > "$4"'
    const file = join(folder, 'dump')
    const recipient = config.encryption.recipients[0] ?? ''
    const started = performance.now()
    await run('sh', ['-c', script, 'sh', binDir, source.database, recipient, file], {
      env: { PATH: process.env.PATH ?? '', PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password },
    })
    return { seconds: (performance.now() - started) / 1000, bytes: (await stat(file)).size }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function caseSeconds(bus: Bus, name: Case): Promise<number> {
  return backupSeconds(bus, { policyId: name as string as PolicyId, kind: 'dump', copies: CASES[name].targets.length })
}

function listed(values: readonly number[]): string {
  return values.map((value) => value.toFixed(1)).join(' ')
}
