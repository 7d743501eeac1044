import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import type { ExportedTable, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { artifactOf } from '../dump/open-dump.ts'
import type { Reader } from '../fetch/reader.ts'
import { unseal, unsealText } from '../fetch/unseal.ts'
import { parseSidecar } from './sidecar.ts'
import type { RowsOf } from './staging.ts'

/** Where rows of tables come from; what was made to get at them goes when it is disposed of. */
export interface TableOrigin extends AsyncDisposable {
  /** Those that are wanted, in their order, with what was measured of each. */
  tables: readonly RowsOf[]
  sequences: TableExport['sequences']
  /** Of the CSV. */
  encoding: string
  /** Hands the CSV of one table to a program. */
  pour(table: RowsOf, into: Stage): Promise<void>
}

/**
 * A backup of kind `tables`.
 *
 * @throws LifeboatError RESTORE_TABLE_ABSENT | ARTIFACT_… | TARGET_…
 */
export async function exportOrigin(
  reader: Reader,
  manifest: Manifest,
  wanted: readonly TableRef[],
): Promise<TableOrigin> {
  const sidecar = artifactOf(manifest, 'table-export')
  if (!sidecar)
    throw new LifeboatError('ARTIFACT_PART_MISSING', { problem: 'the manifest lists no description of tables' })
  const { tables, sequences, encoding } = parseSidecar(await unsealText(reader, manifest, sidecar))
  const found = pickTables(tables, wanted)
  return {
    ...{ tables: found, sequences, encoding },
    async pour(table, into) {
      const file = found.find(({ title }) => title === table.title)?.artifact
      const artifact = manifest.artifacts.find(({ name }) => name === file) as Artifact
      await unseal(reader, manifest, artifact, { further: [into], sink: drain, phase: 'load' })
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** In the order they are wanted. @throws LifeboatError RESTORE_TABLE_ABSENT */
function pickTables(tables: readonly ExportedTable[], wanted: readonly TableRef[]): ExportedTable[] {
  const found = wanted.map((one) => tables.find(({ schema, name }) => schema === one.schema && name === one.name))
  const absent = wanted.filter((_, no) => found[no] === undefined).map(({ schema, name }) => `${schema}.${name}`)
  if (absent.length > 0)
    throw new LifeboatError('RESTORE_TABLE_ABSENT', { absent, holds: tables.map(({ title }) => title) })
  return found as ExportedTable[]
}
