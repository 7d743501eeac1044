import type { ExportedColumn } from '@lifeboat/shared/domain/table-export.ts'
import type pg from 'pg'
import { rowHash } from '../fingerprint/row-hash.ts'
import { QUERY_PATH } from './copy.ts'
import { relationOf } from './definition.ts'

export interface Measured {
  rows: number
  hash: string
}

export interface MeasuredSet {
  schema?: string | undefined
  name: string
  query?: string | undefined
  columns: readonly ExportedColumn[]
  partitioned?: boolean
}

/**
 * Counts the rows and adds up their hashes, whatever order they come in.
 *
 * Equal before an export and after it was loaded; unequal, but for a chance of one in 2^64, as soon as one value differs.
 *
 * @param client with pinned settings; inside the snapshot, where it is the source
 */
export async function measureExport(client: pg.ClientBase, of: MeasuredSet): Promise<Measured> {
  const from = of.query === undefined ? `${of.partitioned ? '' : 'only '}${relationOf(of)}` : `(${of.query}\n) as query`
  if (of.query !== undefined) await client.query(`set local search_path = ${QUERY_PATH}`)
  const { rows } = await client.query<{ rows: string; hash: string }>(
    `select count(*)::text as rows, coalesce(sum(${rowHash(of.columns)}), 0)::text as hash from ${from}`,
  )
  if (of.query !== undefined) await client.query('set local search_path = pg_catalog')
  return { rows: Number(rows[0]?.rows), hash: rows[0]?.hash ?? '0' }
}
