import { createHash } from 'node:crypto'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import { TEXT_SETTINGS } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { fileEncoding } from '@lifeboat/postgres/table-export/copy.ts'
import { definitionText } from '@lifeboat/postgres/table-export/definition.ts'
import { measureSequencesOf } from '@lifeboat/postgres/table-export/describe-tables.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { ExportedTable, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import type { Announcing, AttemptDeps, Taken, Unchanged, Work } from './attempt-backup.ts'
import type { BackupRun } from './backup-run.ts'
import type { AgentSource, DatabaseSource } from './config.ts'
import { decideExport, type ExportDecision } from './exports/decide-export.ts'
import { type ExportMemory, exportMemory, type RememberedTable } from './exports/memory.ts'
import { exportSet } from './phases/export-set.ts'
import { type MeasuredSet, measureSets, remember } from './phases/measure-sets.ts'
import { type OpenExport, openExport } from './phases/open-export.ts'
import { sealText } from './phases/seal-text.ts'
import { type BaseToolbox, findBaseToolbox, versionLines } from './toolbox.ts'

export const TABLE_EXPORT_ARTIFACT = 'tables.json.zst.age' as ArtifactName
export const DEFINITION_ARTIFACT = 'definition.sql.zst.age' as ArtifactName

/** Listed tables as CSV, all of one snapshot; or nothing, when the export before still says everything. */
export async function takeTables(
  run: BackupRun,
  deps: AttemptDeps,
  work: Announcing<DatabaseSource>,
): Promise<Taken | Unchanged> {
  const { policy, spooled } = work
  run.enter('inspect')
  await using open = await openExport(
    run,
    policy.tables ?? { list: [], queries: {}, atLeastEvery: 0 },
    policy.lockTimeout,
    deps.clock,
  )
  run.enter('fingerprint')
  const sets = await measureSets(run, open)
  const memory = await exportMemory(deps.spool.path, spooled.attempt)
  const current = { tables: sets.map(remember), settings: settingsDigest(deps, policy, open) }
  const decision = await decide(deps, work, memory, current)
  if (decision.do === 'refer') return { unchanged: decision.to, unchangedAt: open.takenAt }
  const { reason, notes } = decision
  run.log.info({ event: 'backup.planned', reason, notes }, 'decided to export')
  await work.announce()
  const tools = await findBaseToolbox(run.search)
  run.enter('copy')
  const { artifacts, described } = await exportAll(run, open, sets, tools, policy)
  await memory.write({ format: 1, backupId: spooled.attempt.backupId, takenAt: open.takenAt, ...current })
  const sum = (of: (set: MeasuredSet) => number) => sets.reduce((total, set) => total + of(set), 0)
  return {
    ...{ snapshotAt: open.takenAt, server: open.server, tools: versionLines(tools), artifacts, tableExport: described },
    summary: { tables: sets.length, rows: sum(({ rows }) => rows), databaseBytes: sum(({ bytes }) => bytes) },
    exports: { lsn: open.lsn, tables: sets.map(({ title, artifact, rows }) => ({ title, artifact, rows })), notes },
  }
}

async function decide(
  deps: AttemptDeps,
  { policy, spooled }: Work<AgentSource>,
  memory: ExportMemory,
  current: { tables: RememberedTable[]; settings: string },
): Promise<ExportDecision> {
  const { sourceId, targets } = spooled.attempt
  const before = await memory.read()
  const catalog = await KvCatalog.open(deps.bus)
  const own = before && deps.spool.get(before.backupId)
  return decideExport({
    ...{ before, ...current, targets },
    record: before && (await catalog.get(before.backupId, sourceId)),
    inSpool: own !== undefined && (await deps.spool.isSealed(own)),
    atLeastEveryMs: policy.tables?.atLeastEvery ?? 0,
    nowMs: deps.clock.now(),
  })
}

/** Whatever else would make an earlier export not the one that is wanted now. */
function settingsDigest({ cfg }: AttemptDeps, { targets, copies }: PolicyConfig, open: OpenExport): string {
  const { systemIdentifier, encoding } = open.server
  const facts = { recipients: cfg.recipients, targets, copies, systemIdentifier, encoding, settings: TEXT_SETTINGS }
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

async function exportAll(
  run: BackupRun,
  open: OpenExport,
  sets: readonly MeasuredSet[],
  tools: BaseToolbox,
  { compressionLevel }: PolicyConfig,
): Promise<{ artifacts: Artifact[]; described: TableExport }> {
  const artifacts: Artifact[] = []
  let done = 0
  for (const set of sets) {
    const onBytes = (bytes: number) => run.report({ phase: 'copy', done: done + bytes, unit: 'bytes' })
    const artifact = await exportSet(run, open, set, tools, { compressionLevel, onBytes })
    done += artifact.bytes
    artifacts.push(artifact)
  }
  const described = await describe(run, open, sets)
  const sidecar = {
    name: TABLE_EXPORT_ARTIFACT,
    role: 'table-export' as const,
    text: JSON.stringify(described),
    from: 'json',
  }
  const definition = {
    name: DEFINITION_ARTIFACT,
    role: 'definition' as const,
    text: definitionText(described),
    from: 'sql',
  }
  for (const text of [sidecar, definition]) artifacts.push(await sealText(run, tools, text))
  return { artifacts, described }
}

async function describe(run: BackupRun, open: OpenExport, sets: readonly MeasuredSet[]): Promise<TableExport> {
  const { server, takenAt: at, lsn, client } = open
  const owners = sets.flatMap(({ oid, title }) => (oid === undefined ? [] : [{ oid, title }]))
  return {
    ...{
      format: 1,
      database: run.source.connection.database,
      major: server.major,
      encoding: fileEncoding(server.encoding),
    },
    databaseEncoding: server.encoding,
    snapshot: { at, lsn },
    csv: { header: true, delimiter: ',', quote: '"', null: 'unquoted empty', settings: { ...TEXT_SETTINGS } },
    ...{ needs: [...open.needs], tables: sets.map(exported), sequences: await measureSequencesOf(client, owners) },
  }
}

function exported({
  title,
  schema,
  name,
  query,
  artifact,
  columns,
  generated,
  constraints,
  rows,
  hash,
}: MeasuredSet): ExportedTable {
  const where = { ...(schema === undefined ? {} : { schema }), ...(query === undefined ? {} : { query }) }
  return { title, ...where, name, artifact, columns, generated, constraints, rows, hash }
}
