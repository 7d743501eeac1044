/** The sink of a pipeline whose work is its last program's effect (pg_restore into a database). */
export async function drain(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let total = 0
  for await (const chunk of bytes) total += chunk.byteLength
  return total
}
