import { closeSync, fstatSync, ftruncateSync, writeSync } from 'node:fs'
import type { FileSink } from './untar.ts'

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
      const bytes = writeSync(this.#fd, chunk, from, chunk.length - from, this.#position)
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
