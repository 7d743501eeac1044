import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { resolveSecret } from '@lifeboat/config/resolve-secret.ts'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import { look } from '@lifeboat/recovery/bare/look.ts'
import { pick } from '@lifeboat/recovery/bare/pick.ts'
import { dropBeside, restoreBeside } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { openDump } from '@lifeboat/recovery/dump/open-dump.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { type PolicyId, RunId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { demandServer } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { ByteSize, formatBytes } from '@lifeboat/shared/time/duration.ts'
import { tokenBucket } from '@lifeboat/storage/layers/limited.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { relay } from '@lifeboat/storage/relay.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { POLICY, SOURCE } from '@lifeboat/testkit/world/config.ts'
import { openTargetOf } from '@lifeboat/testkit/world/tamper.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { type BenchReport, median } from './report.ts'
import { backupSeconds } from './support/backup-seconds.ts'
import { seconds } from './support/programs.ts'
import { byTurns } from './support/turns.ts'

const run = promisify(execFile)
const TARGET = 'repository'
const BARE = 'restored_bare'
const OURS = 'restored_ours'
const JOBS = availableParallelism()

interface Times {
  bare: number[]
  bareAnalyzed: number[]
  /** Until the last row, index and constraint is in. */
  loaded: number[]
  /** Compared with the fingerprint and analysed as well. */
  whole: number[]
}

/**
 * `pnpm bench dump-restore [1GB] [3] [20MB]`: a dump from its target into a new database, beside pg_restore -j from a plain file on the disk. The last is
 * what the target gives a second, as one that is far away; without it nothing holds it back.
 */
export async function bench([size = '1GB', rounds = '3', rate]: readonly string[]): Promise<BenchReport> {
  const bytesPerSecond = rate === undefined ? undefined : ByteSize.parse(rate)
  await using world = await startWorld({
    databaseMb: ByteSize.parse(size) / 1e6,
    services: ['backup-agent', 'uploader'],
    targets: { [TARGET]: 'filesystem' },
    onProgress: (step) => void (step.endsWith('%') || console.error(step)),
  })
  await using bus = await connectBus({ servers: [world.nats.url], name: 'bench', log: silentLogger })
  await backupSeconds(bus, { policyId: POLICY as PolicyId, kind: 'dump', copies: 1 })
  const archive = await plainArchive(world)
  const times: Times = { bare: [], bareAnalyzed: [], loaded: [], whole: [] }
  const ways = [() => bareRound(world, archive, times), () => ourRound(world, times, bytesPerSecond)]
  await byTurns(ways, Number(rounds), (way) => way())
  return report(times, { rounds, archiveBytes: (await stat(archive)).size, bytesPerSecond })
}

/** What pg_restore likes best: nothing to decompress, and a file to seek in. */
async function plainArchive(world: World): Promise<string> {
  const file = join(world.folder, 'plain.dump')
  await client(world, 'pg_dump', ['--format=custom', '--compress=0', `--file=${file}`, world.source.database])
  return file
}

async function bareRound(world: World, archive: string, times: Times): Promise<void> {
  await client(world, 'createdb', [BARE])
  const args = [`--jobs=${JOBS}`, '--exit-on-error', `--dbname=${BARE}`, archive]
  const restored = await seconds(() => client(world, 'pg_restore', args))
  const analyzed = await seconds(() => client(world, 'psql', ['--quiet', '--command=analyze', BARE]))
  times.bare.push(restored)
  times.bareAnalyzed.push(restored + analyzed)
  await client(world, 'dropdb', [BARE])
}

async function ourRound(world: World, times: Times, bytesPerSecond: number | undefined): Promise<void> {
  await using reader = await openReader(world, bytesPerSecond)
  const server = serverOf(world)
  const began = performance.now()
  const since = () => (performance.now() - began) / 1000
  const sourceId = SOURCE as SourceId
  const { target, run: work } = reader
  const sight = await look({ target, sourceId, signers: world.config.signers, signal: work.signal })
  const picked = pick(sight, { sourceId, dump: true, unproven: true })
  if (picked.kind !== 'dump') throw new LifeboatError('INTERNAL', { message: 'there is no dump to restore' })
  const manifest = demandServer(picked.seen.manifest)
  const opened = (await openDump(reader, manifest)) ?? { fingerprint: undefined, globals: undefined }
  const place = { server, database: OURS, name: OURS, why: 'recovering' } as const
  await restoreBeside(reader, manifest, opened, place, (phase) => {
    if (phase === 'check') times.loaded.push(since())
  })
  times.whole.push(since())
  await dropBeside(server, OURS)
}

async function openReader(world: World, bytesPerSecond: number | undefined): Promise<Reader & AsyncDisposable> {
  const { verifier } = world.config
  if (verifier === undefined) throw new LifeboatError('INTERNAL', { message: 'this world has no key' })
  const places = { env: process.env, baseDir: dirname(world.configPath) }
  const target = await openTargetOf(world, TARGET)
  const workDir = await mkdtemp(join(world.folder, 'reader-'))
  const signal = AbortSignal.timeout(30 * 60_000)
  return {
    target: bytesPerSecond === undefined ? target : slowToGive(target, bytesPerSecond),
    ...{ workDir, identity: resolveSecret(verifier.identity as SecretRef, places), toolPaths: [], tools: {} },
    run: { id: RunId.parse('bench'), signal, log: silentLogger, report() {} },
    arrived() {},
    async [Symbol.asyncDispose]() {
      await target[Symbol.asyncDispose]()
      await rm(workDir, { recursive: true, force: true })
    },
  }
}

function slowToGive(inner: Target, bytesPerSecond: number): Target {
  const line = tokenBucket(bytesPerSecond)
  return wrap(inner, {
    async get(key, opts) {
      const each = (chunk: Buffer) => line.take(chunk.byteLength, opts.signal)
      return relay(await inner.get(key, opts), { each })
    },
  })
}

function serverOf({ source }: World): SourceConnection {
  const { host, port, user, password } = source.postgres
  return { host, port, user, password: new Secret(password), database: 'postgres', sslmode: 'prefer' }
}

async function client({ source }: World, program: string, args: readonly string[]): Promise<void> {
  const { binDir, host, port, user, password } = source.postgres
  const known = (await readdir(binDir)).includes(program)
  const env = { PATH: process.env.PATH ?? '', PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password }
  await run(known ? join(binDir, program) : program, args, { env })
}

function report(
  times: Times,
  {
    rounds,
    archiveBytes,
    bytesPerSecond,
  }: { rounds: string; archiveBytes: number; bytesPerSecond: number | undefined },
): BenchReport {
  const from = bytesPerSecond === undefined ? '' : ` from a target that gives ${formatBytes(bytesPerSecond)} a second`
  const row = (label: string, values: readonly number[]) => [
    label,
    median(values).toFixed(1),
    values.map((value) => value.toFixed(1)).join(' '),
  ]
  return {
    title: `A dump of ${formatBytes(archiveBytes)} (plain) restored${from} into a new database of the same server, ${JOBS} jobs, medians of ${rounds} rounds.`,
    tables: [
      {
        columns: ['what', 'seconds', 'all rounds'],
        rows: [
          row(`pg_restore -j ${JOBS} from a plain file`, times.bare),
          row('and ANALYZE', times.bareAnalyzed),
          row('Lifeboat, from the target until everything is in', times.loaded),
          row('and compared with the fingerprint, and ANALYZE', times.whole),
        ],
      },
    ],
    ratios: [
      {
        what: 'restore against pg_restore -j',
        ratio: median(times.loaded) / median(times.bare),
        ...(bytesPerSecond === undefined && { limit: 1.1 }),
      },
      {
        what: 'restored, proven the same and analysed, against pg_restore -j and ANALYZE',
        ratio: median(times.whole) / median(times.bareAnalyzed),
      },
    ],
    notes: [
      'Lifeboat begins with the first look at the target: listed, manifest checked, fetched, every part compared with its digest, decrypted, decompressed to a file; large tables go in while it comes, by several sessions, and all else behind that with as many jobs. The plain file of pg_restore lies on the disk already, uncompressed.',
      ...(JOBS > 1 ? [] : ['NOT MEASURED: parallel jobs. This machine has one core.']),
    ],
  }
}
