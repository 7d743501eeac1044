import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { orObstacle } from '@lifeboat/recovery/bare/bare-plan.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { PlannedTables, TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { walReachOf } from '../cluster/demand-promised.ts'
import { plannedHooks } from '../planned-hooks.ts'
import type { FindingPlan } from '../planning.ts'
import { disksOf } from '../room.ts'
import { type FoundBackup, findBackup } from './find-backup.ts'
import { findCluster } from './find-cluster.ts'
import { lookAtLive } from './look-at-live.ts'

export type TablesPlanning = FindingPlan<TablesWish>

export interface PlannedTableRestore {
  plan: RestorePlan
  found: FoundBackup
  target: Target
  passedOver: FoundBackup['passedOver']
}

/** What would happen to the tables, and what stands against it. Touches nothing. @throws LifeboatError when there is no way at all */
export async function planTables(about: TablesPlanning, signal: AbortSignal): Promise<PlannedTableRestore> {
  const { of, wish } = about
  const { goal } = wish
  const found = goal ? await findCluster(about, goal, signal) : await findBackup(about, signal)
  const { obstacles, manifest, target, meanwhile } = found
  await orObstacle(obstacles, () => findPostgresTools(manifest.server.major, ['psql'], about.reader(target)))
  const live = await orObstacle(obstacles, () => lookAtLive(of, wish, obstacles))
  const tables = wish.tables.map((ref, no) => {
    const table = titleOf(ref)
    const [rows, bytesNow] = [found.rows.get(table), live?.bytes[no]]
    return { table, ...(rows !== undefined && { rows }), ...(bytesNow !== undefined && { bytesNow }) }
  })
  const wal = found.cluster && walReachOf(found.cluster.plan)
  const planned: PlannedTables = { into: wish.into, from: found.from, ...(wal && { wal }), tables }
  const databaseBytes = neededBytes(found, planned)
  // Of a table whose rows nobody can tell yet, and which is empty now, nothing is known.
  const folder = databaseBytes > 0 ? live?.folder : undefined
  const disks = await disksOf({ folder, databaseBytes, meanwhile }, obstacles)
  return { plan: planOf(about, found, planned, disks), found, target, passedOver: found.passedOver }
}

/** The rows beside, those of a dump in a scratch database as well, and in a table what is kept of it and what replaces it. */
function neededBytes({ manifest: { summary } }: FoundBackup, { tables, into, from }: PlannedTables): number {
  const wanted = tables.reduce((sum, { rows = 0 }) => sum + rows, 0)
  const now = tables.reduce((sum, { bytesNow = 0 }) => sum + bytesNow, 0)
  const backup = summary.rows && wanted > 0 ? summary.databaseBytes * Math.min(1, wanted / summary.rows) : now
  const beside = from === 'dump' ? 2 * backup : backup
  return into.how === 'beside' ? beside : beside + backup + now
}

function planOf(
  { cfg, of, sourceId, wish, hooks }: TablesPlanning,
  found: FoundBackup,
  tables: PlannedTables,
  disks: RestorePlan['disks'],
): RestorePlan {
  const { backup, target, passedOver, manifest, obstacles, fetchBytes, drillMs, loss, notes } = found
  const { major, version, extensions } = manifest.server
  const planHooks = wish.into.how === 'beside' ? [] : plannedHooks(hooks, of.restore, obstacles)
  return {
    ...{ sourceId, agentId: cfg.agentId, database: of.database, backup, tables, targetId: target.id, passedOver },
    server: { major, version, extensions: Object.keys(extensions) },
    ...{ fetchBytes, disks, sessions: [], hooks: planHooks, ...(drillMs === undefined ? {} : { drillMs }), loss },
    signatures: of.restore.signatures,
    obstacles: obstacles.map((each) => ErrorReportSchema.parse(each)),
    notes,
  }
}
