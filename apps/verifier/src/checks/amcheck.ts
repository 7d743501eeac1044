import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { type Answer, failed, passed, skipped } from '../findings.ts'

/** Up to this size an index is also compared with its table, row by row. */
const HEAP_TOO_BYTES = 1024 ** 3

const BTREES = `
  select i.indexrelid::regclass::text as index, i.indexrelid::oid::text as oid, pg_relation_size(i.indexrelid) <= ${HEAP_TOO_BYTES} as "heapToo"
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
   where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence <> 't' and i.indisready and i.indisvalid
     and c.relnamespace <> 'pg_toast'::regnamespace
   order by pg_relation_size(i.indexrelid) desc`

/** Is every B-tree, those of the catalogs included, in order and complete? Asked last, for it installs an extension. */
export async function checkIndexes(
  client: Pick<SourceClient, 'query'>,
  run: Pick<Run, 'signal' | 'report'>,
): Promise<Answer> {
  await client.query(`set search_path = pg_catalog`)
  const available = await client.query(`select from pg_available_extensions where name = 'amcheck'`)
  if (available.rowCount === 0) return skipped('This machine has no amcheck; it comes with postgresql-contrib.')
  await client.query(`create schema lifeboat_amcheck; create extension if not exists amcheck schema lifeboat_amcheck`)
  const home = await client.query<{ schema: string }>(
    `select extnamespace::regnamespace::text as schema from pg_extension where extname = 'amcheck'`,
  )
  const { rows: indexes } = await client.query<{ index: string; oid: string; heapToo: boolean }>(BTREES)
  const broken: string[] = []
  for (const [done, { index, oid, heapToo }] of indexes.entries()) {
    run.signal.throwIfAborted()
    run.report({ phase: 'check', done, total: indexes.length, unit: 'checks' })
    await client
      .query(`select ${home.rows[0]?.schema}.bt_index_check($1::oid::regclass, $2)`, [oid, heapToo])
      .catch((err: Error & { code?: string }) => {
        // 57P01 and the like: the server went away, which is no answer about the index.
        if (err.code === undefined || err.code.startsWith('57')) throw err
        broken.push(`${index}: ${err.message}`)
      })
  }
  if (broken.length > 0)
    return failed(`${broken.length} of ${indexes.length} B-trees are corrupt: ${broken.slice(0, 5).join('; ')}.`)
  return passed(`All ${indexes.length} B-trees are in order.`)
}
