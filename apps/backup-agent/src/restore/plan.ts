import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { orObstacle } from '@lifeboat/recovery/bare/bare-plan.ts'
import { planDump } from '@lifeboat/recovery/bare/plan-dump.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { Manifest, OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { NewDatabase, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { ErrorReportSchema } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { CopyChosen, DumpPicked } from './choose-copy.ts'
import { plannedHooks } from './planned-hooks.ts'
import type { Planning } from './planning.ts'
import { disksOf } from './room.ts'

const SESSION = { applicationName: 'lifeboat restore', lockTimeoutMs: 10_000 }

export interface DatabasePlanning extends Planning {
  drainMs: number
  /** Nothing is replaced. */
  newDatabase?: NewDatabase | undefined
}

/** What would happen, and what stands against it. Touches nothing. @throws LifeboatError TARGET_… | SOURCE_… */
export async function planOf(
  reader: Reader,
  copy: CopyChosen<DumpPicked>,
  about: DatabasePlanning,
): Promise<{ plan: RestorePlan; manifest: Manifest & OfServer }> {
  const { cfg, of, sourceId, drainMs, key, clock, newDatabase } = about
  const { restore, database, server } = of
  const place = newDatabase
    ? ({ server, database: newDatabase.name, taken: 'RESTORE_NAME_TAKEN' } as const)
    : { server, database, replace: { drainMs } }
  const { told, manifest } = await planDump(reader, copy.chosen, place, clock, key)
  const { obstacles } = told
  const [backup] = told.backups
  if (!backup) throw new LifeboatError('INTERNAL', { message: 'the plan names no backup' })
  const hooks = plannedHooks(about.hooks, restore, obstacles)
  const seen = await orObstacle(obstacles, () => lookAtServer(server, database))
  const { databaseBytes } = manifest.summary
  const disks = await disksOf(
    { folder: seen?.folder, databaseBytes, meanwhile: told.disk && { of: 'the archive meanwhile', ...told.disk } },
    obstacles,
  )
  const plan: RestorePlan = {
    ...(newDatabase && { newDatabase }),
    ...{
      sourceId,
      agentId: cfg.agentId,
      database: newDatabase ? manifest.database : database,
      backup,
      targetId: copy.target.id,
      passedOver: copy.passedOver,
    },
    server: {
      major: told.server.major,
      version: told.server.version,
      extensions: Object.keys(manifest.server.extensions),
    },
    ...{ fetchBytes: told.fetchBytes, disks, sessions: newDatabase ? [] : (seen?.sessions ?? []), hooks },
    ...(told.drillMs === undefined ? {} : { drillMs: told.drillMs }),
    ...{ loss: told.loss, signatures: restore.signatures },
    obstacles: obstacles.map((each) => ErrorReportSchema.parse(each)),
    notes: [
      ...told.notes,
      ...(seen && !seen.there && !newDatabase ? [`There is no database ${database} now; nothing is put aside.`] : []),
    ],
  }
  return { plan, manifest }
}

const SESSIONS = `
  select coalesce(usename, '') as user, coalesce(application_name, '') as application, count(*)::int as count
  from pg_stat_activity where datname = $1 and backend_type = 'client backend' group by 1, 2 order by 3 desc, 1, 2`

async function lookAtServer(server: SourceConnection, database: string) {
  await using client = await connectSource(server, SESSION)
  const { rows: sessions } = await client.query<RestorePlan['sessions'][number]>(SESSIONS, [database])
  const { rows } = await client.query<{ folder: string; there: boolean }>(
    `select current_setting('data_directory') as folder, exists (select from pg_database where datname = $1) as there`,
    [database],
  )
  return { sessions, folder: rows[0]?.folder ?? '', there: rows[0]?.there === true }
}
