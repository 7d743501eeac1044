/**
 * Gives the memory of a buffer back at once, where the garbage collector would look for it again and again, in the whole heap. Only what has its
 * memory for itself is forgotten; whoever still holds it finds it empty.
 */
export function forget({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0)
}
