import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { freeBytesAt, lossSince, orObstacle, plannedBackup } from '@lifeboat/recovery/bare/bare-plan.ts'
import { type PickedTables, pickTables } from '@lifeboat/recovery/bare/pick-tables.ts'
import { openDump } from '@lifeboat/recovery/dump/open-dump.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import { takeInventory } from '@lifeboat/recovery/fetch/inventory.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
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
import { plannedHooks } from '../planned-hooks.ts'
import type { Restorable } from '../restorable.ts'
import { disksOf } from '../room.ts'
import { lookAtLive } from './look-at-live.ts'

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
  from: PlannedTables['from']
  manifest: Manifest & OfServer
  /** Of a dump that has one, where the key is here. */
  fingerprint: Fingerprint | undefined
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
  const isDump = copy.chosen.from === 'dump'
  const opened = isDump && key === 'here' ? await orObstacle(obstacles, () => openDump(reader, manifest)) : undefined
  const live = await orObstacle(obstacles, () => lookAtLive(of, wish, obstacles))
  const counted = opened?.fingerprint.tables.map((table) => ({ title: titleOf(table), rows: table.rows }))
  const measured = counted ?? manifest.exports?.tables
  const tables = titles.map((table, no) => {
    const rows = measured?.find(({ title }) => title === table)?.rows
    const bytesNow = live?.bytes[no]
    return { table, ...(rows !== undefined && { rows }), ...(bytesNow !== undefined && { bytesNow }) }
  })
  const planned: PlannedTables = { into: wish.into, from: copy.chosen.from, tables }
  const archive = isDump ? await archiveRoom(reader.workDir, manifest, obstacles) : undefined
  const databaseBytes = neededBytes(manifest, planned)
  const disks = await disksOf({ folder: live?.folder, databaseBytes, archive }, obstacles)
  const plan = planOf(about, { copy, planned, manifest, disks, obstacles })
  return { plan, from: copy.chosen.from, manifest, fingerprint: opened?.fingerprint, target: copy.target }
}

/** The archive is fetched whole, however few tables of it are wanted. */
async function archiveRoom(path: string, { summary }: Manifest, obstacles: ErrorReport[]) {
  const room = { path, neededBytes: summary.databaseBytes, freeBytes: await freeBytesAt(path) }
  if (room.freeBytes < room.neededBytes) obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', room).toReport())
  return room
}

/** The rows beside, those of a dump in a scratch database as well, and in a table what is kept of it and what replaces it. */
function neededBytes({ summary }: Manifest, { tables, into, from }: PlannedTables): number {
  const wanted = tables.reduce((sum, { rows = 0 }) => sum + rows, 0)
  const backup = summary.rows ? summary.databaseBytes * Math.min(1, wanted / summary.rows) : 0
  const now = tables.reduce((sum, { bytesNow = 0 }) => sum + bytesNow, 0)
  const beside = from === 'dump' ? 2 * backup : backup
  return into.how === 'beside' ? beside : beside + backup + now
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
