import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import {
  freeBytesAt,
  type Loss,
  lossSince,
  orObstacle,
  type PlannedBackup,
  plannedBackup,
} from '@lifeboat/recovery/bare/bare-plan.ts'
import { type PickedTables, pickTables } from '@lifeboat/recovery/bare/pick-tables.ts'
import type { PlannedCluster } from '@lifeboat/recovery/bare/plan-cluster.ts'
import { openDump } from '@lifeboat/recovery/dump/open-dump.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import { takeInventory } from '@lifeboat/recovery/fetch/inventory.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import { backupBytes, demandServer, type Manifest, type OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { PlannedTables } from '@lifeboat/shared/domain/restore-tables.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { type Choose, chooseCopy, newestUnless } from '../choose-copy.ts'
import type { TablesPlanning } from './plan.ts'

/** What the rows will come out of, and what of it stands in the way. */
export interface FoundBackup {
  from: PlannedTables['from']
  target: Target
  passedOver: RestorePlan['passedOver']
  /** Of a chain the last one. */
  backup: PlannedBackup
  manifest: Manifest & OfServer
  /** Of a dump that has one, where the key is here. */
  fingerprint?: Fingerprint | undefined
  /** Of a physical backup. */
  cluster?: PlannedCluster
  /** By title, as far as it can be told. */
  rows: ReadonlyMap<string, number>
  fetchBytes: number
  /** Room it takes until the tables were read. */
  meanwhile: RestorePlan['disks'][number] | undefined
  drillMs: number | undefined
  loss: Loss
  obstacles: ErrorReport[]
  notes: string[]
}

/** An export or a dump. @throws LifeboatError when there is none at all */
export async function findBackup(about: TablesPlanning, signal: AbortSignal): Promise<FoundBackup> {
  const { cfg, of, sourceId, wish, backupId, targets, unproven, key, clock, patienceMs, awaiting, onWait } = about
  const titles = wish.tables.map(titleOf)
  const by = { cfg, restore: of.restore, signal, patienceMs, awaiting, onWait }
  const choose: Choose<PickedTables> = async (sight, target, signal) => {
    const picked = pickTables(sight, { sourceId, backupId, titles, unproven })
    await takeInventory(target, picked.seen.manifest, signal)
    return picked
  }
  const copy = await chooseCopy({ sourceId, targets }, by, choose, newestUnless(backupId))
  const { target, passedOver, chosen } = copy
  const { from, seen, notes } = chosen
  const manifest = demandServer(seen.manifest)
  const obstacles: ErrorReport[] = []
  const reader = about.reader(target)
  if (key === 'here') await orObstacle(obstacles, () => demandKey(reader, manifest))
  const isDump = from === 'dump'
  const opened = isDump && key === 'here' ? await orObstacle(obstacles, () => openDump(reader, manifest)) : undefined
  const measured = opened?.fingerprint.tables.map((table) => ({ title: titleOf(table), rows: table.rows }))
  return {
    ...{ from, target, passedOver, backup: plannedBackup(seen), manifest, fingerprint: opened?.fingerprint },
    rows: new Map((measured ?? manifest.exports?.tables ?? []).map(({ title, rows }) => [title, rows])),
    fetchBytes: bytesOf(manifest, titles),
    meanwhile: isDump ? await archiveRoom(reader.workDir, manifest, obstacles) : undefined,
    ...{ drillMs: seen.drill?.recoveryMs, loss: lossSince(manifest.snapshotAt, clock.now()), obstacles, notes },
  }
}

/** The archive is fetched whole, however few tables of it are wanted. */
async function archiveRoom(path: string, { summary }: Manifest, obstacles: ErrorReport[]) {
  const room = { path, neededBytes: summary.databaseBytes, freeBytes: await freeBytesAt(path) }
  if (room.freeBytes < room.neededBytes) obstacles.push(new LifeboatError('RECOVERY_NO_ROOM', room).toReport())
  return { of: 'the archive meanwhile', ...room }
}

/** Of an export only the files of these tables are fetched. */
function bytesOf(manifest: Manifest, titles: readonly string[]): number {
  const { exports, artifacts } = manifest
  if (!exports) return backupBytes(manifest)
  const files = exports.tables.filter(({ title }) => titles.includes(title)).map(({ artifact }) => artifact)
  return backupBytes({
    artifacts: artifacts.filter(({ name, role }) => role === 'table-export' || files.includes(name)),
  })
}
