import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { newestHeartbeat } from '@lifeboat/postgres/heartbeat.ts'
import type { BaseBackupResult } from '@lifeboat/postgres/replication/base-backup.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AttemptDeps, Taken, Work } from './attempt-backup.ts'
import type { BackupRun } from './backup-run.ts'
import { type Base, type BaseMeans, streamBase } from './phases/base.ts'
import { archiveConfig } from './phases/config-files.ts'
import { type Cluster, FIRST_WITH_INCREMENTALS, inspectCluster } from './phases/inspect-cluster.ts'
import { sealRelations } from './phases/relations.ts'
import { chooseParent, type ParentChoice } from './physical/choose-parent.ts'
import { foreignTo } from './physical/foreign-to.ts'
import { type ManifestShelf, manifestShelf } from './physical/manifest-shelf.ts'
import { type BasePlan, planBase } from './plan.ts'
import { findBaseToolbox, versionLines } from './toolbox.ts'

/** Manifests of a source that stay for later incrementals: the newest backup is not always a good one. */
const KEPT_MANIFESTS = 8
const NAMED_FAILURES = 100
const HEARTBEAT_TIMEOUT_MS = 60_000
/** Of a server that looked closer than we can and wants no incremental; it has words for that which nobody knows. */
const REFUSALS: readonly ErrorCode[] = ['BASE_SUMMARIES_MISSING', 'BASE_PARENT_UNFIT', 'INTERNAL']

/** The whole cluster, or what changed in it since an earlier backup. */
export async function takeBase(run: BackupRun, deps: AttemptDeps, work: Work): Promise<Taken> {
  const { policy, spooled } = work
  const { backupId, sourceId, kind } = spooled.attempt
  run.enter('inspect')
  const cluster = await inspectCluster(run, { incremental: kind === 'incremental' })
  const records = await knownBackups(deps, sourceId)
  await demandSameCluster(deps, sourceId, records, cluster)
  run.isOf(cluster.server.systemIdentifier)
  const tools = await findBaseToolbox(run.search)
  const shelf = await manifestShelf(deps.spool.path, sourceId)
  const choice = kind === 'incremental' ? await choose(work, records, cluster, shelf) : undefined
  run.enter('config-files')
  const names = planBase(policy, undefined).artifacts
  const config = await archiveConfig(run, cluster.config, tools, names.configFiles)
  run.enter('relations')
  const relations = await sealRelations(run, tools, names.relations)
  run.enter('base')
  const heartbeatMs = await heartbeatBefore(run, deps.roads.get(sourceId)?.wal.heartbeat)
  const { plan, base, readBytes } = await streamAsPlanned(run, work, choice, { backupId, tools, shelf })
  const endedAt = moment(deps.clock.now())
  if (cluster.server.major < FIRST_WITH_INCREMENTALS) await shelf.remove(backupId)
  else await shelf.prune(KEPT_MANIFESTS)
  const physical = {
    ...physicalFacts(cluster, plan, base.result),
    ...(heartbeatMs === undefined ? {} : { heartbeatAt: moment(heartbeatMs) }),
  }
  if (physical.checksums.failures.length > 0)
    deps.events.checksumsFailed(run.log, { sourceId, backupId, files: physical.checksums.failures })
  return {
    ...{ snapshotAt: endedAt, server: cluster.server, tools: versionLines(tools), physical },
    // A role sees the sizes of some databases only; the server counts every file. Of an incremental it counts what changed.
    summary: { tables: null, rows: null, databaseBytes: Math.max(cluster.clusterBytes, readBytes) },
    artifacts: [...base.artifacts, ...[config.artifact, relations].filter((each) => each !== undefined)],
    recovery: { chain: plan.chain, configLeft: config.left },
  }
}

/**
 * The row that every later state of the cluster must have. Not the one this agent wrote last: that may lie in a database that was put aside for another, or on a primary that a
 * standby did not hear of yet.
 */
async function heartbeatBefore(
  run: BackupRun,
  heartbeat: { enabled: boolean; schema: string } | undefined,
): Promise<number | undefined> {
  if (!heartbeat?.enabled) return undefined
  const session = { applicationName: `${run.applicationName} heartbeat`, lockTimeoutMs: HEARTBEAT_TIMEOUT_MS }
  await using client = await connectSource(run.source.connection, session)
  return await newestHeartbeat(client, heartbeat.schema)
}

async function knownBackups({ bus }: AttemptDeps, sourceId: SourceId): Promise<BackupRecord[]> {
  const catalog = await KvCatalog.open(bus)
  return Array.fromAsync(catalog.all({ sourceId }))
}

/** @throws LifeboatError BASE_FOREIGN – before a byte of it is written anywhere */
async function demandSameCluster(
  { bus }: AttemptDeps,
  sourceId: SourceId,
  records: readonly BackupRecord[],
  { server: { systemIdentifier } }: Cluster,
): Promise<void> {
  const wal = (await (await bus.bucket(WAL_BUCKET)).get(sourceId))?.value
  const expected = foreignTo(systemIdentifier, { records, wal })
  if (expected !== undefined) throw new LifeboatError('BASE_FOREIGN', { sourceId, expected, systemIdentifier })
}

async function choose(
  work: Work,
  records: readonly BackupRecord[],
  cluster: Cluster,
  shelf: ManifestShelf,
): Promise<ParentChoice> {
  const { targets } = work.spooled.attempt
  const { server, timeline, checksums, summarizing, summaries } = cluster
  return chooseParent({
    records,
    targets,
    maxChain: work.policy.base.maxChain,
    server: { systemIdentifier: server.systemIdentifier, timeline, checksums, summarizing, summaries },
    kept: await shelf.known(),
  })
}

/** The incremental that was chosen; a full one when the server refuses it after all, before any byte of it came. */
async function streamAsPlanned(
  run: BackupRun,
  { policy }: Work,
  choice: ParentChoice | undefined,
  means: Omit<BaseMeans, 'plan' | 'onBegin'>,
): Promise<{ plan: BasePlan; base: Base; readBytes: number }> {
  const plan = planBase(policy, choice)
  const { parent, chain, fullBecause } = plan
  run.log.info({ event: 'backup.planned', parent, chain: chain.length, fullBecause }, 'decided how to take the backup')
  let readBytes: number | undefined
  const onBegin = (totalBytes: number) => {
    readBytes = totalBytes
  }
  try {
    const base = await streamBase(run, { ...means, plan, onBegin })
    return { plan, base, readBytes: readBytes ?? 0 }
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    if (parent === undefined || readBytes !== undefined || !REFUSALS.includes(err.code)) throw err
    run.signal.throwIfAborted()
    run.log.warn({ event: 'backup.parent_refused', parent, err }, 'the server refused the incremental')
    const because = `the server refused an incremental to ${parent}: ${String(err.facts.message ?? err.title)}`
    return streamAsPlanned(run, { policy } as Work, { fullBecause: because }, means)
  }
}

function physicalFacts(cluster: Cluster, plan: BasePlan, result: BaseBackupResult): PhysicalFacts {
  const { startLsn, endLsn, timeline, tablespaces, checksumFailures } = result
  const damaged = checksumFailures.map(({ file, message }) => file ?? message)
  const { parent, chain, fullBecause, artifacts } = plan
  return {
    systemIdentifier: cluster.server.systemIdentifier,
    ...{ timeline, startLsn, endLsn, segmentBytes: cluster.segmentBytes, fromStandby: cluster.isStandby },
    ...{ chain: chain.length, ...(parent && { parent }), ...(fullBecause && { fullBecause }) },
    checksums: { enabled: cluster.checksums, failures: [...new Set(damaged)].slice(0, NAMED_FAILURES) },
    tablespaces: tablespaces.map(({ oid, path }) => ({ oid, path, artifact: artifacts.tablespace(oid) })),
  }
}
