import { connectSource } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { lossSince, orObstacle, plannedBackup } from '@lifeboat/recovery/bare/bare-plan.ts'
import { type PickedTables, pickTables } from '@lifeboat/recovery/bare/pick-tables.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import { takeInventory } from '@lifeboat/recovery/fetch/inventory.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { isLive, readLive } from '@lifeboat/recovery/tables/live-table.ts'
import { TABLES_SESSION } from '@lifeboat/recovery/tables/one-transaction.ts'
import { isThere } from '@lifeboat/recovery/tables/staging.ts'
import { mergeProblem } from '@lifeboat/recovery/tables/unfit.ts'
import type { BackupId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { backupBytes, demandServer, type Manifest, type OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { RestoreHooks, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { PlannedTables, TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AgentConfig } from '../../config.ts'
import { type CopyChosen, chooseCopy } from '../choose-copy.ts'
import { roomAt } from '../plan.ts'
import { plannedHooks } from '../planned-hooks.ts'
import type { Restorable } from '../restorable.ts'
import { liveDatabase } from './site.ts'

export interface TablesPlanning {
  cfg: AgentConfig
  of: Restorable
  sourceId: SourceId
  wish: TablesWish
  /** Default: the newest proven one that holds the tables. */
  backupId: BackupId | undefined
  targets: readonly TargetId[]
  unproven: boolean
  hooks: RestoreHooks
  reader: (target: Target) => Reader
  key: 'here' | 'later'
  clock: Clock
}

export interface PlannedTableRestore {
  plan: RestorePlan
  picked: PickedTables
  manifest: Manifest & OfServer
  target: Target
}

/** What would happen to the tables, and what stands against it. Touches nothing. @throws LifeboatError when there is no way at all */
export async function planTables(about: TablesPlanning, signal: AbortSignal): Promise<PlannedTableRestore> {
  const { cfg, of, sourceId, wish, backupId, targets, unproven, key } = about
  const titles = wish.tables.map(titleOf)
  const by = { cfg, restore: of.restore, signal }
  const copy = await chooseCopy({ sourceId, targets }, by, async (sight, target) => {
    const picked = pickTables(sight, { sourceId, backupId, titles, unproven })
    await takeInventory(target, picked.seen.manifest, signal)
    return picked
  })
  const manifest = demandServer(copy.chosen.seen.manifest)
  const obstacles: ErrorReport[] = []
  const reader = about.reader(copy.target)
  if (key === 'here') await orObstacle(obstacles, () => demandKey(reader, manifest))
  await orObstacle(obstacles, () => findPostgresTools(manifest.server.major, ['psql'], reader))
  const live = await orObstacle(obstacles, () => lookAtLive(about, obstacles))
  const tables = titles.map((table, no) => {
    const rows = manifest.exports?.tables.find(({ title }) => title === table)?.rows
    const bytesNow = live?.bytes[no]
    return { table, ...(rows !== undefined && { rows }), ...(bytesNow !== undefined && { bytesNow }) }
  })
  const planned: PlannedTables = { into: wish.into, from: copy.chosen.from, tables }
  const disks = await disksOf(live?.folder, neededBytes(manifest, planned), obstacles)
  return {
    plan: planOf(about, { copy, planned, manifest, disks, obstacles }),
    picked: copy.chosen,
    manifest,
    target: copy.target,
  }
}

/** What stands there now: the bytes of each table, and where the server keeps its data. */
async function lookAtLive({ of, wish: { tables, into } }: TablesPlanning, obstacles: ErrorReport[]) {
  await using client = await connectSource(liveDatabase(of), TABLES_SESSION)
  await client.query('begin read only')
  await pinSettings(client)
  const bytes: (number | undefined)[] = []
  const differences: string[] = []
  for (const table of tables) {
    const live = await readLive(client, table)
    bytes.push(isLive(live) ? live.bytes : undefined)
    const problem = isLive(live) ? into.how === 'merge' && mergeProblem(live) : live.problem
    if (problem && into.how !== 'beside') differences.push(`${titleOf(table)}: ${problem}`)
  }
  if (differences.length > 0) obstacles.push(new LifeboatError('RESTORE_TABLE_UNFIT', { differences }).toReport())
  if (into.how === 'beside' && (await isThere(client, into.schema)))
    obstacles.push(new LifeboatError('RESTORE_SCHEMA_TAKEN', { schema: into.schema }).toReport())
  const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`)
  return { bytes, folder: rows[0]?.folder ?? '' }
}

/** The rows beside, and in a table what is kept of it and what replaces it. */
function neededBytes({ summary, exports }: Manifest, { tables, into }: PlannedTables): number {
  const all = exports?.tables.reduce((sum, { rows }) => sum + rows, 0) ?? 0
  const wanted = tables.reduce((sum, { rows = 0 }) => sum + rows, 0)
  const backup = all === 0 ? 0 : summary.databaseBytes * (wanted / all)
  const now = tables.reduce((sum, { bytesNow = 0 }) => sum + bytesNow, 0)
  return into.how === 'beside' ? backup : 2 * backup + now
}

async function disksOf(
  folder: string | undefined,
  bytes: number,
  obstacles: ErrorReport[],
): Promise<RestorePlan['disks']> {
  const room = folder === undefined ? undefined : await roomAt(folder, bytes)
  if (!room) return []
  const { path, neededBytes, freeBytes } = room
  if (freeBytes < neededBytes)
    obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', { path, neededBytes, freeBytes }).toReport())
  return [room]
}

interface Composed {
  copy: CopyChosen<PickedTables>
  planned: PlannedTables
  manifest: Manifest & OfServer
  disks: RestorePlan['disks']
  obstacles: ErrorReport[]
}

function planOf(about: TablesPlanning, { copy, planned, manifest, disks, obstacles }: Composed): RestorePlan {
  const { cfg, of, sourceId, wish, clock } = about
  const { seen, notes } = copy.chosen
  const { major, version, extensions } = manifest.server
  const hooks = wish.into.how === 'beside' ? [] : plannedHooks(about.hooks, of.restore, obstacles)
  return {
    ...{ sourceId, agentId: cfg.agentId, database: of.database, backup: plannedBackup(seen), tables: planned },
    ...{ targetId: copy.target.id, passedOver: copy.passedOver },
    server: { major, version, extensions: Object.keys(extensions) },
    ...{ fetchBytes: bytesOf(manifest, planned), disks, sessions: [], hooks },
    ...(seen.drill?.recoveryMs === undefined ? {} : { drillMs: seen.drill.recoveryMs }),
    ...{ loss: lossSince(manifest.snapshotAt, clock.now()), signatures: of.restore.signatures },
    obstacles: obstacles.map((each) => ErrorReportSchema.parse(each)),
    notes,
  }
}

/** Of an export only the files of these tables are fetched. */
function bytesOf(manifest: Manifest, { tables }: PlannedTables): number {
  const { exports, artifacts } = manifest
  if (!exports) return backupBytes(manifest)
  const files = exports.tables.filter(({ title }) => tables.some(({ table }) => table === title))
  const wanted = artifacts.filter(
    ({ name, role }) => role === 'table-export' || files.some(({ artifact }) => artifact === name),
  )
  return backupBytes({ artifacts: wanted })
}
