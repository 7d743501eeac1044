import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { backupBytes, demandServer, type Manifest, type OfServer } from '@lifeboat/shared/domain/manifest.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import { restorerMajor } from '../dump/load-dump.ts'
import { demandKey } from '../fetch/demand-key.ts'
import { takeInventory } from '../fetch/inventory.ts'
import type { Reader } from '../fetch/reader.ts'
import {
  type BarePlan,
  demandEmpty,
  demandExtensions,
  existingParent,
  freeBytesAt,
  lossSince,
  orObstacle,
  plannedBackup,
} from './bare-plan.ts'
import type { Picked } from './pick.ts'

/** Where a dump goes: a new server of its own in an empty folder, or a new database of a server that is there. */
export type DumpPlace =
  | { folder: string; port?: number | undefined; start: boolean }
  | { server: SourceConnection; database: string; replace?: Replacing | undefined; taken?: NameTaken | undefined }

/** What stands against it where the name is not free; default what a recovery says. */
type NameTaken = 'RESTORE_NAME_TAKEN'

/** The database of this name may be put aside; its sessions get so long to leave by themselves. */
export interface Replacing {
  drainMs: number
}

export interface PlannedDump {
  told: BarePlan
  manifest: Manifest & OfServer
}

/** A restored database without its bloat, its WAL and sorted runs of its indexes. */
const ROOM_FACTOR = 1.5
const SPARE_BYTES = 512 * 1024 ** 2

/** Looks whether a dump can be restored there. What stands against it is told with the plan. @throws LifeboatError TARGET_… */
export async function planDump(
  reader: Reader,
  { seen, notes }: Extract<Picked, { kind: 'dump' }>,
  place: DumpPlace | undefined,
  clock: Clock,
  /** `later`: the plan is made before anybody gave the key. */
  key: 'here' | 'later' = 'here',
): Promise<PlannedDump> {
  const { drill } = seen
  const manifest = demandServer(seen.manifest)
  const obstacles: ErrorReport[] = []
  await orObstacle(obstacles, () => takeInventory(reader.target, manifest, reader.run.signal).then(() => {}))
  if (key === 'here') await orObstacle(obstacles, () => demandKey(reader, manifest))
  const disk = place && (await examine(reader, manifest, place, obstacles))
  const told: BarePlan = {
    ...{ sourceId: manifest.sourceId, kind: 'dump', backups: [plannedBackup(seen)] },
    server: { major: manifest.server.major, version: manifest.server.version, database: manifest.database },
    ...{ fetchBytes: backupBytes(manifest), ...(disk && { disk }) },
    ...(drill?.recoveryMs === undefined ? {} : { drillMs: drill.recoveryMs }),
    loss: lossSince(manifest.snapshotAt, clock.now()),
    ...{ obstacles, notes },
  }
  return { told, manifest }
}

async function examine(
  reader: Reader,
  manifest: Manifest & OfServer,
  place: DumpPlace,
  obstacles: ErrorReport[],
): Promise<NonNullable<BarePlan['disk']>> {
  const fresh = 'folder' in place
  const { databaseBytes } = manifest.summary
  const path = fresh ? await existingParent(place.folder) : reader.workDir
  // A new server holds the database; for one that is there only the archive lies here meanwhile.
  const neededBytes = Math.round(databaseBytes * (fresh ? ROOM_FACTOR : 1))
  const freeBytes = await freeBytesAt(path)
  if (freeBytes < neededBytes + SPARE_BYTES)
    obstacles.push(
      new LifeboatError('RECOVERY_NO_ROOM', { path, neededBytes: neededBytes + SPARE_BYTES, freeBytes }).toReport(),
    )
  await orObstacle(obstacles, () =>
    fresh ? examineFolder(reader, manifest, place.folder) : examineServer(manifest, place),
  )
  await orObstacle(obstacles, () =>
    findPostgresTools(restorerMajor(manifest, manifest.server.major), ['pg_restore', 'psql'], reader),
  )
  return { path, neededBytes, freeBytes }
}

async function examineFolder(reader: Reader, { server }: OfServer, folder: string): Promise<void> {
  await demandEmpty(folder)
  const tools = await findPostgresTools(server.major, ['postgres', 'initdb', 'pg_ctl'], reader)
  await demandExtensions(Object.keys(server.extensions), tools)
}

const ASKED = `
  select current_setting('server_version_num')::int / 10000 as major, current_setting('is_superuser') = 'on' as superuser,
         exists (select from pg_database where datname = $1) as taken,
         array(select name from unnest($2::text[]) as name where name not in (select name from pg_available_extensions)) as missing`

async function examineServer({ server }: OfServer, place: Extract<DumpPlace, { database: string }>): Promise<void> {
  await using client = await connectSource(place.server, { applicationName: 'lifeboat recover', lockTimeoutMs: 60_000 })
  const { rows } = await client.query<{ major: number; superuser: boolean; taken: boolean; missing: string[] }>(ASKED, [
    place.database,
    Object.keys(server.extensions),
  ])
  const [found] = rows
  if (!found) throw new LifeboatError('INTERNAL', { message: 'a select without FROM gave no row' })
  if (found.taken && !place.replace)
    throw new LifeboatError(place.taken ?? 'RECOVERY_PLACE_TAKEN', { database: place.database })
  const unfit = (problem: string, facts = {}) => new LifeboatError('RECOVERY_SERVER_UNFIT', { problem, ...facts })
  if (found.major < server.major)
    throw unfit('it is older than the server of the backup', { major: found.major, neededMajor: server.major })
  if (place.replace && place.server.database === place.database)
    throw unfit('the address leads into the very database that is to be replaced: name another one of that server')
  if (!found.superuser) throw unfit('the role is no superuser, so owners, roles and extensions could not come back')
  if (found.missing.length > 0) throw unfit('extensions are not installed there', { missing: found.missing })
}
