import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { PhysicalManifest } from '../extract/extract-backup.ts'
import { demandKey } from '../fetch/demand-key.ts'
import { takeInventory } from '../fetch/inventory.ts'
import type { Reader } from '../fetch/reader.ts'
import { describeGoal, type Goal } from '../goal.ts'
import { type Archive, listArchive } from '../list-archive.ts'
import { planRecovery, type RecoveryPlan } from '../plan/plan.ts'
import { demandOf, preflight } from '../preflight.ts'
import {
  type BarePlan,
  demandEmpty,
  demandExtensions,
  existingParent,
  freeBytesAt,
  type Loss,
  lossSince,
  orObstacle,
  plannedBackup,
} from './bare-plan.ts'
import type { Seen } from './look.ts'
import type { Picked } from './pick.ts'

/** A cluster to be recovered, and all that is needed to begin. */
export interface PlannedCluster {
  told: BarePlan
  chain: readonly [PhysicalManifest, ...PhysicalManifest[]]
  plan: RecoveryPlan
  archive: Archive
}

export interface ClusterWish {
  goal: Goal
  timeline?: number | undefined
  /** Empty or not there yet; undefined when only the plan is wanted. */
  folder: string | undefined
}

const NO_ARCHIVE: Archive = { wal: [], histories: new Map() }

/**
 * Chooses chain and way of a cluster and looks whether this machine can do it. What stands against it is told with the plan.
 *
 * @throws LifeboatError RECOVERY_… | WAL_… | TARGET_… when there is no way at all
 */
export async function planCluster(
  reader: Reader,
  picked: Extract<Picked, { kind: 'cluster' }>,
  wish: ClusterWish,
  clock: Clock,
  /** `later`: the plan is made before anybody gave the key. */
  key: 'here' | 'later' = 'here',
): Promise<PlannedCluster> {
  const { usable, from } = picked
  const newest = (usable.at(-1) as (typeof usable)[number]).manifest
  const archive = wish.goal.to === 'end of backup' ? NO_ARCHIVE : await archiveOf(reader, newest)
  const stock = { backups: usable.map(({ manifest }) => manifest), ...archive, now: clock.now() }
  const { goal, timeline } = wish
  const plan = planRecovery(stock, { goal, ...(timeline === undefined ? {} : { timeline }), ...(from && { from }) })
  const seen = plan.chain.map(({ backupId }) => usable.find(({ manifest }) => manifest.backupId === backupId) as Seen)
  const chain = seen.map(({ manifest }) => manifest) as [PhysicalManifest, ...PhysicalManifest[]]
  const last = chain.at(-1) as PhysicalManifest
  const obstacles: ErrorReport[] = []
  const disk = await examine(reader, { plan, chain, wish, key }, obstacles)
  const drillMs = seen.at(-1)?.drill?.recoveryMs
  const fetchBytes = chain.reduce((sum, manifest) => sum + backupBytes(manifest), plan.wal?.bytes ?? 0)
  const told: BarePlan = {
    ...{ sourceId: last.sourceId, kind: 'cluster', backups: seen.map(plannedBackup), goal: describeGoal(goal) },
    ...(plan.wal && { wal: { ...walOf(plan), bytes: plan.wal.bytes } }),
    server: { major: last.server.major, version: last.server.version, database: last.database },
    ...{ fetchBytes, ...(disk && { disk }), ...(drillMs === undefined ? {} : { drillMs }) },
    loss: lossOf(plan, last, clock.now()),
    ...{ obstacles, notes: [...picked.notes, ...plan.notes, ...notesOn(last)] },
  }
  return { told, chain, plan, archive }
}

function archiveOf(reader: Reader, { sourceId, server, physical }: PhysicalManifest): Promise<Archive> {
  const { systemIdentifier } = server
  return listArchive(reader, sourceId, { systemIdentifier, segmentBytes: physical.segmentBytes })
}

async function examine(
  reader: Reader,
  of: { plan: RecoveryPlan; chain: readonly PhysicalManifest[]; wish: ClusterWish; key: 'here' | 'later' },
  obstacles: ErrorReport[],
): Promise<BarePlan['disk']> {
  const { plan, chain, wish, key } = of
  const last = chain.at(-1) as PhysicalManifest
  for (const manifest of chain)
    await orObstacle(obstacles, () => takeInventory(reader.target, manifest, reader.run.signal))
  for (const manifest of key === 'here' ? chain : []) await orObstacle(obstacles, () => demandKey(reader, manifest))
  const sizes = chain.map((each) => ({ databaseBytes: each.summary.databaseBytes, artifactBytes: backupBytes(each) }))
  const demand = demandOf(plan, sizes, last.server.major, 'over the base')
  const { folder } = wish
  const path = await existingParent(folder ?? reader.workDir)
  await orObstacle(obstacles, async () => {
    if (folder !== undefined) await demandEmpty(folder)
  })
  const tools = await orObstacle(obstacles, () =>
    folder === undefined ? findPostgresTools(demand.major, demand.programs, reader) : preflight(demand, path, reader),
  )
  if (tools) await orObstacle(obstacles, () => demandExtensions(Object.keys(last.server.extensions), tools))
  return folder === undefined ? undefined : { path, neededBytes: demand.bytes, freeBytes: await freeBytesAt(path) }
}

function walOf({ timeline, wal }: RecoveryPlan) {
  return {
    timeline: Number(timeline),
    from: String(wal?.from),
    end: String(wal?.end),
    objects: wal?.objects.length ?? 0,
  }
}

/** A time is a promise; to the end of the archive only the replay tells the last commit, but none is younger than the target's last object. */
function lossOf({ goal, wal }: RecoveryPlan, last: PhysicalManifest, nowMs: number): Loss {
  if (goal.to === 'end of backup') return lossSince(last.snapshotAt, nowMs)
  if (goal.to === 'time') return lossSince(goal.time, nowMs)
  if (goal.to !== 'latest') return { sentence: `What was committed after ${describeGoal(goal)} is not in it.` }
  const stored = wal?.objects.map(({ storedAt }) => storedAt ?? Number.NaN) ?? []
  if (stored.length === 0) return lossSince(last.snapshotAt, nowMs)
  const newest = Math.max(...stored)
  if (Number.isNaN(newest)) return { sentence: `What is not in the WAL up to ${wal?.end} is lost.` }
  return {
    sentence: `The target took its last WAL at ${moment(newest) as Moment}; what was committed after that is lost.`,
  }
}

function notesOn({ physical, server }: PhysicalManifest): string[] {
  const damaged = physical.checksums.failures.length
  return [
    ...(damaged > 0 ? [`The server itself found ${damaged} damaged files while this backup was taken.`] : []),
    ...(physical.tablespaces.length > 0
      ? [`${physical.tablespaces.length} tablespaces are put beside the data directory.`]
      : []),
    `Only PostgreSQL ${server.major} can run it.`,
  ]
}
