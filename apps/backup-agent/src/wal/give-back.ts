/** Memory of this size is what small buffers share. */
const SLAB_BYTES = Buffer.poolSize

/**
 * Gives the memory of a buffer back to the system at once, where the collector would come by for it some ten megabytes later. It is empty afterwards.
 *
 * Only for one this code alone has, after every write of it has ended: one that is under way would read memory that is not ours any more.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  const isWhole = byteLength === buffer.byteLength
  if (buffer instanceof ArrayBuffer && (isWhole || buffer.byteLength > SLAB_BYTES)) buffer.transfer(0)
}
