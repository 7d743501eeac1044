/** Up to this size they may lie in a slab that others share. */
const LEAST_BYTES = Buffer.poolSize

/**
 * Gives the memory of buffers back to the system at once, where the collector would come by for it some ten megabytes later. They are empty afterwards.
 *
 * Only for buffers this code alone has, after every write of them has ended: one that is under way would read memory that is not ours any more.
 */
export function giveBack(buffers: Iterable<Uint8Array>): void {
  // Parts of one allocation may be among them: it is empty after the first.
  for (const { buffer } of buffers)
    if (buffer instanceof ArrayBuffer && buffer.byteLength > LEAST_BYTES) buffer.transfer(0)
}
