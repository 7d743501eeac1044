import { openClient } from '@lifeboat/postgres/connection.ts'
import { pinSettings, TEXT_SETTINGS } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { readServerFacts } from '@lifeboat/postgres/server-facts.ts'
import { copyStatement } from '@lifeboat/postgres/table-export/copy.ts'
import { copyRows } from '@lifeboat/postgres/table-export/copy-rows.ts'
import { definitionText } from '@lifeboat/postgres/table-export/definition.ts'
import { describeTable, measureSequencesOf } from '@lifeboat/postgres/table-export/describe-tables.ts'
import { findTables, titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import { neededObjects } from '@lifeboat/postgres/table-export/needed-objects.ts'
import { parseTableName } from '@lifeboat/postgres/table-export/table-name.ts'
import {
  type AgentId,
  type ArtifactName,
  type FleetId,
  moment,
  newBackupId,
  operatorRunId,
  type PolicyId,
  type SourceId,
} from '@lifeboat/shared/domain/ids.ts'
import { documentKey, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { ExportedTable, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import type { Lsn } from '@lifeboat/shared/domain/wal.ts'
import { artifactOf, digestsOf, pipe, put, putParts, type SealOptions } from './seal-backup.ts'

export interface SealTablesOptions extends Pick<SealOptions, 'pg' | 'database' | 'target' | 'recipient' | 'signer'> {
  /** As a policy names them. */
  list: readonly string[]
  /** Changes the description before it is encrypted and signed: an agent that lies. */
  describe?: (described: TableExport) => TableExport
  /** Changes the CSV of a table likewise. */
  spoil?: (title: string, csv: string) => string
}

/** A signed table export at a target, without an agent and an uploader. */
export async function sealTables(opts: SealTablesOptions): Promise<Manifest> {
  const { pg, database, target } = opts
  const to = { host: pg.socketDir, port: pg.port, database, user: pg.user, sslmode: 'disable' as const }
  const client = await openClient(to, { applicationName: 'test' })
  try {
    await client.query('begin isolation level repeatable read read only')
    await pinSettings(client)
    const { server } = await readServerFacts(client)
    const { tables: found } = await findTables(
      client,
      opts.list.flatMap((name) => parseTableName(name) ?? []),
      pg.user,
    )
    const sealed: { artifact: Artifact; bytes: Buffer }[] = []
    const add = async (name: string, role: Artifact['role'], contents: Buffer) => {
      const bytes = await pipe('age', ['-r', opts.recipient], await pipe('zstd', ['-q', '-c'], contents))
      sealed.push({ artifact: artifactOf(name, role, role, bytes, 65_536), bytes })
    }
    const tables: ExportedTable[] = []
    const types: string[] = []
    for (const [no, table] of found.entries()) {
      const { columns, generated, constraints, typeOids } = await describeTable(client, table)
      const { schema, name, partitioned } = table
      const artifact = `table-${no}.csv.zst.age` as ArtifactName
      const measured = await measureExport(client, { schema, name, columns, partitioned })
      const blocks = await Array.fromAsync(
        copyRows(client, copyStatement({ schema, name, columns, partitioned }, 'UTF8')),
      )
      const csv = Buffer.concat(blocks).toString()
      await add(artifact, 'table', Buffer.from(opts.spoil?.(titleOf(table), csv) ?? csv))
      tables.push({ title: titleOf(table), schema, name, artifact, columns, generated, constraints, ...measured })
      types.push(...typeOids)
    }
    const now = Date.now()
    const described: TableExport = {
      ...{ format: 1, database, major: server.major, encoding: 'UTF8', databaseEncoding: server.encoding },
      snapshot: { at: moment(now), lsn: '0/0' as Lsn },
      csv: { header: true, delimiter: ',', quote: '"', null: 'unquoted empty', settings: { ...TEXT_SETTINGS } },
      ...{ needs: await neededObjects(client, types), tables },
      sequences: await measureSequencesOf(
        client,
        found.map(({ oid, ...table }) => ({ oid, title: titleOf(table) })),
      ),
    }
    const told = opts.describe?.(described) ?? described
    await add('tables.json.zst.age', 'table-export', Buffer.from(JSON.stringify(told)))
    await add('definition.sql.zst.age', 'definition', Buffer.from(definitionText(told)))
    const [sourceId, policyId] = ['records' as SourceId, 'daily' as PolicyId]
    const backupId = newBackupId('tables', now)
    const recover = Buffer.from('# Recovering\n')
    const at = moment(now)
    const manifest: Manifest = {
      ...{ format: 1, fleetId: 'testers' as FleetId, sourceId, policyId, agentId: opts.signer.id as AgentId, backupId },
      ...{ kind: 'tables', runId: operatorRunId(policyId, sourceId, now), database, startedAt: at, snapshotAt: at },
      ...{ sealedAt: at, server, tools: {}, recipients: [opts.recipient] },
      summary: {
        tables: tables.length,
        rows: tables.reduce((sum, { rows }) => sum + rows, 0),
        databaseBytes: 1_000_000,
      },
      exports: {
        lsn: '0/0' as Lsn,
        tables: tables.map(({ title, artifact, rows }) => ({ title, artifact, rows })),
        notes: [],
      },
      artifacts: sealed.map(({ artifact }) => artifact),
      ...{ documents: [{ name: 'RECOVER.md', ...digestsOf(recover) }], targets: [target.id], requiredCopies: 1 },
    }
    for (const { artifact, bytes } of sealed) await putParts(target, manifest, artifact, bytes)
    await put(target, documentKey(sourceId, backupId, 'RECOVER.md'), recover, 'document')
    const signed = await opts.signer.sign('lifeboat-manifest', manifest)
    await put(target, manifestKey(sourceId, backupId), Buffer.from(signed), 'manifest')
    return manifest
  } finally {
    await client.end()
  }
}
