import type pg from 'pg'

/** Most large objects are small: the first look takes them whole; what is longer is read on in bigger pieces. */
const FIRST_BYTES = 256 * 1024
const NEXT_BYTES = 16 * 1024 * 1024

/**
 * Counts the large objects and adds up the hashes of their pieces, seeded by object and offset. Reads through lo_get, because the pages of a
 * sparse object come back from a dump as pages full of zeroes.
 *
 * @param hashUpToBytes above this sum only the count is taken
 */
export async function measureLargeObjects(
  client: pg.ClientBase,
  hashUpToBytes: number,
  signal: AbortSignal,
): Promise<{ count: number; hash?: string }> {
  const { rows } = await client.query<{ count: string; bytes: string }>(
    `select count(*)::text as count, pg_table_size('pg_largeobject')::text as bytes from pg_largeobject_metadata`,
  )
  const count = Number(rows[0]?.count)
  if (count === 0 || Number(rows[0]?.bytes) > hashUpToBytes) return { count }
  const first = await hashPieces(client, 'select oid from pg_largeobject_metadata', 0, FIRST_BYTES)
  let sum = BigInt(first.hash)
  let longer = first.longer
  for (let offset = FIRST_BYTES; longer.length > 0; offset += NEXT_BYTES) {
    signal.throwIfAborted()
    const piece = await hashPieces(client, `select unnest('{${longer.join(',')}}'::oid[]) as oid`, offset, NEXT_BYTES)
    sum += BigInt(piece.hash)
    longer = piece.longer
  }
  return { count, hash: String(sum) }
}

async function hashPieces(
  client: pg.ClientBase,
  objects: string,
  offset: number,
  bytes: number,
): Promise<{ hash: string; longer: string[] }> {
  // OFFSET 0 keeps the planner from reading each piece once per use.
  const { rows } = await client.query<{ hash: string; longer: string[] }>(
    `select coalesce(sum(hash_record_extended(row(piece), hashint8extended(${offset}, oid::bigint))), 0)::text as hash,
            coalesce(array_agg(oid::text) filter (where length(piece) = ${bytes}), '{}') as longer
       from (select oid, lo_get(oid, ${offset}, ${bytes}) as piece from (${objects}) as objects offset 0) as pieces`,
  )
  return rows[0] ?? { hash: '0', longer: [] }
}
