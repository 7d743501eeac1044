/** Bytes that arrive in pieces, read as if they were whole: a parser yields whenever it needs the next piece. */
export interface Pieces {
  add(piece: Uint8Array): void
  /** How many bytes were read. */
  readonly taken: number
  /** What nobody has read yet. */
  rest(): Uint8Array
  take(bytes: number): Generator<undefined, Buffer>
  skip(bytes: number): Generator<undefined, void>
}

export function pieces(): Pieces {
  let buffer: Buffer = Buffer.alloc(0)
  let at = 0
  /** Read of earlier buffers. */
  let before = 0
  return {
    get taken() {
      return before + at
    },
    add(piece) {
      before += at
      buffer = at === buffer.length ? Buffer.from(piece) : Buffer.concat([buffer.subarray(at), piece])
      at = 0
    },
    rest: () => buffer.subarray(at),
    *take(bytes) {
      while (buffer.length - at < bytes) yield
      at += bytes
      return buffer.subarray(at - bytes, at)
    },
    *skip(bytes) {
      let left = bytes
      while (buffer.length - at < left) {
        left -= buffer.length - at
        at = buffer.length
        yield
      }
      at += left
    },
  }
}
