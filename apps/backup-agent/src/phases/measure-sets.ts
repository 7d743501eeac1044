import { createHash } from 'node:crypto'
import { type Measured, measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import type { BackupRun } from '../backup-run.ts'
import type { RememberedTable } from '../exports/memory.ts'
import { asMissing, type ExportSet, type OpenExport } from './open-export.ts'

export type MeasuredSet = ExportSet & Measured

/**
 * Counts and hashes every table in the snapshot: what the files will be compared with, and what tells whether anything changed. Statistics of the server
 * cannot tell that: they lag, are lost in a crash, and count what was rolled back.
 *
 * @throws LifeboatError SOURCE_TABLE_MISSING | SOURCE_RIGHTS_MISSING | SOURCE_LOCKED | SOURCE_CONNECTION_LOST; the abort reason
 */
export async function measureSets(run: BackupRun, open: OpenExport): Promise<MeasuredSet[]> {
  const total = open.sets.reduce((sum, { bytes }) => sum + bytes, 0)
  const measured: MeasuredSet[] = []
  let done = 0
  for (const set of open.sets) {
    const counted = await measureExport(open.client, set).catch((thrown: unknown) => {
      run.signal.throwIfAborted()
      throw asMissing(thrown, { table: set.title })
    })
    measured.push({ ...set, ...counted })
    done += set.bytes
    run.report({ phase: 'fingerprint', done, total, unit: 'bytes' })
  }
  return measured
}

export function remember({ title, columns, generated, constraints, query, rows, hash }: MeasuredSet): RememberedTable {
  const definition = createHash('sha256')
    .update(JSON.stringify({ columns, generated, constraints, query }))
    .digest('hex')
  return { title, columns: columns.map(({ name }) => name), definition, rows, hash }
}
