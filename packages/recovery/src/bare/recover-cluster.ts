import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { type Account, serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { findPostgresTools, findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type Contents, forgetOldTablespaces, type PhysicalManifest } from '../extract/extract-backup.ts'
import { extractChain } from '../extract/extract-chain.ts'
import type { HollowFiles } from '../extract/hollow.ts'
import { verifyFiles } from '../extract/verify-files.ts'
import type { Reader } from '../fetch/reader.ts'
import { unseal } from '../fetch/unseal.ts'
import { reachedAt } from '../recover/ask-server.ts'
import type { Recovered } from '../recover/recover.ts'
import { type GetterOptions, openGetter, type RecoveryOptions, type RecoveryPlace } from '../recover/start-recovery.ts'
import type { WalGetter } from '../wal/wal-getter.ts'
import { type ClaimedPlace, claimPlace } from './claim-place.ts'
import type { PlannedCluster } from './plan-cluster.ts'
import { replayCluster } from './replay-cluster.ts'
import { settleCluster, startSettled } from './settle-cluster.ts'

export interface ClusterRecovery {
  /** Empty or not there yet. In the end: `data`, `tablespaces`, and `config` where the source kept its configuration elsewhere. */
  folder: string
  /** Of the recovered server; default the one its configuration says. */
  port?: number | undefined
  /** Whether it is started in the end, with its own configuration. */
  start: boolean
  /**
   * Default true. `false`: it is thrown away after the look, whatever that says. Then nothing of it has to survive a crash, and its files are not read once more to be held
   * against what the server said when it sent them; every byte they were made of was compared with its manifest all the same.
   */
  kept?: boolean
  /** Files nobody will read, of a cluster that is thrown away. */
  hollow?: HollowFiles | undefined
  /** Told what came out of the archives. */
  onExtracted?: (contents: Contents) => void
  /** Called with a server that stands still at the goal, for a look; default: nobody looks. `leave`: it is stopped as it stands. */
  inspect?: ((paused: Paused) => Promise<'promote' | 'discard' | 'leave'>) | undefined
  /** Default: it archives nowhere and follows nobody. `as it was`: it takes the place of its original. */
  settle?: 'alone' | 'as it was'
  /** Whose the files will be; default PostgreSQL's own account where we are root. */
  account?: Account
  onPhase: (phase: string) => void
}

export interface Paused {
  connection: SourceConnection
  recovered: Recovered
}

export interface ClusterBack {
  dataDir: string
  recovered: Recovered
  running: boolean
}

const PROMOTE_S = 3600

/**
 * Recovers a planned cluster into an empty folder and leaves it there, promoted unless it is left as it stands, and cleanly stopped (or started).
 *
 * On any failure, on abort, and when it was looked at and discarded, the folder is empty again.
 *
 * @returns undefined when it was discarded
 * @throws LifeboatError RECOVERY_… | ARTIFACT_… | WAL_… | TARGET_… | TOOL_…
 */
export async function recoverCluster(
  reader: Reader,
  planned: PlannedCluster,
  opts: ClusterRecovery,
): Promise<ClusterBack | undefined> {
  const last = planned.chain.at(-1) as PhysicalManifest
  const account = opts.account ?? serverAccount()
  const tools = await findPostgresTools(last.server.major, ['postgres', 'pg_ctl', 'pg_verifybackup'], reader)
  await using place = await claimPlace(opts.folder, account)
  const to = { folder: place.folder, account, tools }
  const folder = await place.makeFolder('recovery')
  opts.onPhase('extract')
  await using getter = await openEarly(reader, planned, { folder, account })
  const hollow = opts.kept === false ? opts.hollow : undefined
  const extracted = await extractChain(reader, planned.chain, { ...to, hollow, saved: opts.kept !== false })
  opts.onExtracted?.(extracted)
  // Of a chain nobody hashed the files as they are now; every byte they were made of was compared with its manifest.
  const verifies = planned.chain.length === 1 && opts.kept !== false
  if (verifies) opts.onPhase('verify')
  if (verifies) await verifyFiles(extracted, tools, reader.run)
  await forgetOldTablespaces(extracted)
  const { dataDir } = extracted
  await unpackConfig(reader, last, place)
  opts.onPhase('replay')
  const recovered = await replay(reader, planned, { account, tools, dataDir, folder, getter }, opts)
  if (!recovered || opts.kept === false) return undefined
  if (opts.settle !== 'as it was') await settleCluster(dataDir, account, opts.port)
  place.keep()
  if (opts.start) await startSettled(dataDir, account, tools)
  return { dataDir, recovered, running: opts.start }
}

/** WAL comes while files are extracted: of the two, the replay that waits for it would be the slower. */
function openEarly(
  reader: Reader,
  { plan, archive, chain }: PlannedCluster,
  place: GetterOptions['place'],
): Promise<WalGetter | undefined> {
  const { systemIdentifier } = (chain.at(-1) as PhysicalManifest).server
  return openGetter({ reader, plan, archive: archive.wal, systemIdentifier, place })
}

type Replaying = Pick<RecoveryPlace, 'account' | 'tools' | 'dataDir' | 'folder'> & Pick<RecoveryOptions, 'getter'>

async function replay(
  reader: Reader,
  planned: PlannedCluster,
  at: Replaying,
  { inspect, kept = true }: ClusterRecovery,
): Promise<Recovered | undefined> {
  const how = { ...at, atGoal: inspect ? 'pause' : 'promote', kept } as const
  const recovered = await replayCluster(reader, planned, how, async (back) =>
    inspect ? lookAndPromote(back.connection('template1'), at.dataDir, back.recovered, inspect) : back.recovered,
  )
  await rm(at.folder, { recursive: true, force: true })
  return recovered
}

async function lookAndPromote(
  connection: SourceConnection,
  dataDir: string,
  recovered: Recovered,
  inspect: NonNullable<ClusterRecovery['inspect']>,
): Promise<Recovered | undefined> {
  const answer = await inspect({ connection, recovered })
  if (answer === 'discard') return undefined
  if (answer === 'leave') return recovered
  await using client = await connectSource(connection, { applicationName: 'lifeboat recover', lockTimeoutMs: 60_000 })
  const { rows } = await client.query<{ promoted: boolean }>(
    `select case when pg_is_in_recovery() then pg_promote(true, ${PROMOTE_S}) else true end as promoted`,
  )
  if (rows[0]?.promoted !== true) throw new LifeboatError('RECOVERY_REFUSED', { problem: 'it did not promote itself' })
  // Of one that was held at its end PostgreSQL removed the other file only.
  await rm(join(dataDir, 'recovery.signal'), { force: true })
  return reachedAt(connection, dataDir)
}

/** For a look by whoever sets up the new machine; the recovered server does not read it. */
async function unpackConfig(reader: Reader, manifest: PhysicalManifest, place: ClaimedPlace): Promise<void> {
  const artifact = manifest.artifacts.find(({ role }) => role === 'config-files')
  if (!artifact) return
  const folder = await place.makeFolder('config')
  const { path: program } = await findProgram('tar', reader)
  const args = ['--extract', '--file=-', '--no-same-owner', `--directory=${folder}`]
  const stage = { tool: 'tar', program, args, env: BASE_ENV }
  await unseal(reader, manifest, artifact, { further: [stage], sink: drain, phase: 'extract' })
}
