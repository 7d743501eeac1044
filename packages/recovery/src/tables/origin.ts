import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import type { ExportedTable, TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { artifactOf } from '../dump/open-dump.ts'
import type { Reader } from '../fetch/reader.ts'
import { unseal, whole } from '../fetch/unseal.ts'
import { parseSidecar } from './sidecar.ts'

/** Where rows of tables come from. */
export interface TableOrigin {
  /** Those that are wanted, with what was measured of each. */
  tables: readonly ExportedTable[]
  sequences: TableExport['sequences']
  /** Of the CSV. */
  encoding: string
  /** Hands the CSV of one table to a program. */
  pour(table: ExportedTable, into: Stage): Promise<void>
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
  const { tables, sequences, encoding } = parseSidecar(await unseal(reader, manifest, sidecar, { sink: whole }))
  const artifacts = new Map(manifest.artifacts.map((artifact) => [artifact.name, artifact]))
  return {
    ...{ tables: pickTables(tables, wanted), sequences, encoding },
    async pour(table, into) {
      const artifact = artifacts.get(table.artifact) as Artifact
      await unseal(reader, manifest, artifact, { further: [into], sink: drain, phase: 'load' })
    },
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
