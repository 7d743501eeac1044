/** Up to this size it may lie in a slab that others share. */
const LEAST_BYTES = Buffer.poolSize

/**
 * Gives the memory of a buffer back to the system at once, where the collector would come by for it some ten megabytes later. It is empty afterwards.
 *
 * Only for one this code alone has, after every write of it has ended: one that is under way would read memory that is not ours any more.
 */
export function giveBack({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > LEAST_BYTES) buffer.transfer(0)
}
