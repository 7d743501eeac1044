import { closeSync, fstatSync, ftruncateSync, writeSync } from 'node:fs'
import type { FileSink } from './untar.ts'

/**
 * In one call to the kernel at most. It looks for memory in pieces of that size, and for larger ones it finds none that was used before: a fresh page of a
 * virtual machine costs several times what copying into it does.
 */
export const WRITE_BYTES = 256 * 1024

/** Writes the contents of one file as they come: what it is given is in the file when it returns, and may be used again. Owns the descriptor. */
export class FileWriter implements FileSink {
  readonly #fd: number
  readonly #onWritten: (bytes: number) => void
  /** In the file, of the next byte. */
  #position = 0

  constructor(fd: number, onWritten: (bytes: number) => void = () => {}) {
    this.#fd = fd
    this.#onWritten = onWritten
  }

  /** What comes next belongs there. */
  seek(position: number): void {
    this.#position = position
  }

  write(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      const length = Math.min(chunk.length - from, WRITE_BYTES)
      const bytes = writeSync(this.#fd, chunk, from, length, this.#position)
      from += bytes
      this.#position += bytes
    }
    this.#onWritten(chunk.length)
  }

  /** Gives the file that length. Most have it: a change of it is written to the file system's journal, a look is not. */
  truncate(bytes: number): void {
    if (fstatSync(this.#fd).size !== bytes) ftruncateSync(this.#fd, bytes)
  }

  close(): void {
    closeSync(this.#fd)
  }
}
