import { connectSource, cutOn, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { copyIn } from '@lifeboat/postgres/table-export/copy.ts'
import { findPostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import { diffTable } from '@lifeboat/recovery/tables/diff.ts'
import { isLive, type LiveTable, readLive } from '@lifeboat/recovery/tables/live-table.ts'
import { TABLES_SESSION } from '@lifeboat/recovery/tables/one-transaction.ts'
import type { TableOrigin } from '@lifeboat/recovery/tables/origin.ts'
import { compareStaged, makeStaging, type Staged, stagedIn } from '@lifeboat/recovery/tables/staging.ts'
import { columnDifferences, mergeProblem } from '@lifeboat/recovery/tables/unfit.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { TablesOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Extent, TableDiff, TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { removeApart } from '../cluster/recover-apart.ts'
import type { Command } from '../command.ts'
import { orNextTarget } from '../next-target.ts'
import { onDisks } from '../on-disks.ts'
import { audit } from '../tell.ts'
import { whileReading } from '../while-reading.ts'
import { clusterFolder } from './find-cluster.ts'
import { type PlannedTableRestore, planTables } from './plan.ts'
import { removeStaging } from './remove-staging.ts'
import { liveDatabase } from './site.ts'
import { withOrigin } from './with-origin.ts'

type Staging = Command & { order: TablesOrder<'restore'> }

export interface OnStage {
  staged: Staged[]
  sequences: TableOrigin['sequences']
  diffs: TableDiff[]
  /** Of a physical backup. */
  extent?: Extent | undefined
}

/**
 * Loads the rows of the backup into a schema of their own in the live database, compares them with what was measured when they were backed up, and tells how
 * they differ from those there are now. Nothing anybody uses is touched.
 *
 * @throws LifeboatError RESTORE_TABLE_ABSENT | RESTORE_TABLE_UNFIT | RESTORE_SCHEMA_TAKEN | RECOVERY_UNLIKE | ARTIFACT_… | SOURCE_… | TARGET_…
 */
export async function stageTables(command: Staging, schema: string): Promise<OnStage> {
  const { deps, order, run, report, entry, database } = command
  if (order.goal) await removeApart(clusterFolder(command, order.sourceId))
  const on = await whileReading(command, (reader) => {
    const { restoreId, sourceId, backupId, unproven, hooks, tables, into, goal, timeline, wal: promised } = order
    const wish = { tables, into, ...(goal && { goal }), ...(timeline !== undefined && { timeline }) }
    const by = { cfg: deps.cfg, of: command, clock: deps.clock, reader, key: 'here' } as const
    const choose = (targets: readonly TargetId[]) => {
      report('look')
      const about = {
        restoreId,
        sourceId,
        backupId,
        unproven,
        hooks,
        targets,
        wish,
        promised,
        patienceMs: command.patienceMs,
        awaiting: command.awaiting,
      }
      return planTables({ ...by, ...about }, run.signal)
    }
    return orNextTarget(command, order.targets, choose, (planned) => stageCopy(command, planned, reader, schema))
  })
  const about = { restoreId: order.restoreId, who: entry().who, order, database }
  await audit(deps, 'compared', about, { diffs: on.diffs, extent: on.extent })
  return on
}

function stageCopy(
  command: Staging,
  { plan, found, target }: PlannedTableRestore,
  reader: (target: Target) => Reader,
  schema: string,
): Promise<OnStage> {
  const [obstacle] = plan.obstacles
  if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
  command.report('open')
  const { major } = found.manifest.server
  return onDisks(plan.disks, command.run, (run) =>
    withOrigin(command, found, { ...reader(target), run }, async (origin, extent) => ({
      ...(await stageFrom({ ...command, run }, origin, schema, major).catch(async (thrown: unknown) => {
        // A database that was read from is dropped next, with a checkpoint; a server whose disk has no room for one goes down.
        await removeStaging(command, schema)
        throw thrown
      })),
      extent,
    })),
  )
}

async function stageFrom(command: Staging, origin: TableOrigin, schema: string, major: number): Promise<OnStage> {
  const { order, run, report } = command
  const staged = stagedIn(schema, origin.tables)
  await using client = await connectSource(liveDatabase(command), TABLES_SESSION)
  using _cut = cutOn(run.signal, client)
  // Triggers on definitions are about what people do, not about tables that are gone in a minute.
  await client.query('set session_replication_role = replica')
  const lives = await demandFit(client, staged, order.into)
  report('load')
  await makeStaging(client, schema, staged, { kept: order.into.how === 'beside' })
  await load(command, origin, staged, major)
  report('check')
  await compareStaged(client, staged)
  report('compare')
  const diffs: TableDiff[] = []
  for (const [no, each] of staged.entries()) diffs.push(await diffOf(client, each, lives[no]))
  return { staged, sequences: origin.sequences, diffs }
}

async function load(command: Command, origin: TableOrigin, staged: readonly Staged[], major: number): Promise<void> {
  const { path: program } = await (await findPostgresTools(major, ['psql'], command.deps.cfg)).program('psql')
  const live = liveDatabase(command)
  const connection = { ...live, options: `${live.options ?? ''} -c session_replication_role=replica` }
  const to = { program, connection, applicationName: TABLES_SESSION.applicationName, encoding: origin.encoding }
  for (const { table, at } of staged) await origin.pour(table, copyIn({ ...at, columns: table.columns }, to))
}

/** The tables there are now; beside them any may be missing. @throws LifeboatError RESTORE_TABLE_UNFIT */
async function demandFit(
  client: SourceClient,
  staged: readonly Staged[],
  into: TablesInto,
): Promise<(LiveTable | undefined)[]> {
  await client.query('begin read only')
  await pinSettings(client)
  const lives: (LiveTable | undefined)[] = []
  const differences: string[] = []
  for (const { table } of staged) {
    const live = await readLive(client, { schema: table.schema ?? 'public', name: table.name })
    const columns = isLive(live) ? columnDifferences(table.columns, live.columns) : []
    const lacking = isLive(live) ? into.how === 'merge' && mergeProblem(live) : live.problem
    const problems = [...columns, ...(lacking ? [lacking] : [])]
    differences.push(...problems.map((problem) => `${table.title}: ${problem}`))
    lives.push(isLive(live) && columns.length === 0 ? live : undefined)
  }
  await client.query('commit')
  if (differences.length > 0 && into.how !== 'beside') throw new LifeboatError('RESTORE_TABLE_UNFIT', { differences })
  return lives
}

async function diffOf(client: SourceClient, staged: Staged, live: LiveTable | undefined): Promise<TableDiff> {
  return live ? diffTable(client, staged, live) : { table: staged.table.title, rows: staged.table.rows }
}
