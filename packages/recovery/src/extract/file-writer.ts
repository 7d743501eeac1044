import type { FileHandle } from 'node:fs/promises'
import { type Backlog, WRITE_BYTES } from './backlog.ts'
import type { FileSink } from './untar.ts'

/** Gathers the contents of one file into large writes, which follow each other while more is gathered. What it is given is copied. */
export class FileWriter implements FileSink {
  readonly #opened: Promise<FileHandle>
  readonly #backlog: Backlog
  #last: Promise<unknown>
  /** Bytes still to come in a row, for buffers no larger than needed. */
  #left: number
  /** In the file, of the first byte gathered. */
  #position = 0
  #buffer: Buffer | undefined
  #filled = 0

  constructor(opened: Promise<FileHandle>, bytes: number, backlog: Backlog) {
    this.#opened = opened
    // Told when the file is closed; nothing may have been written to it by then.
    opened.catch(() => {})
    this.#last = opened
    this.#left = bytes
    this.#backlog = backlog
  }

  /** What comes next belongs there, and so many bytes of it follow each other. */
  seek(position: number, bytes: number): void {
    this.#flush()
    this.#position = position
    this.#left = bytes
  }

  write(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      this.#buffer ??= this.#backlog.take(Math.max(1, Math.min(WRITE_BYTES, this.#left)))
      const copied = chunk.copy(this.#buffer, this.#filled, from)
      from += copied
      this.#filled += copied
      this.#left -= copied
      if (this.#filled === this.#buffer.length) this.#flush()
    }
  }

  /** After what was written so far. */
  truncate(bytes: number): void {
    this.#flush()
    this.#then((handle) => handle.truncate(bytes))
  }

  close(): void {
    this.#flush()
    this.#backlog.begin(closed(this.#opened, this.#last))
  }

  #flush(): void {
    const [buffer, bytes, position] = [this.#buffer, this.#filled, this.#position]
    if (buffer === undefined) return
    this.#buffer = undefined
    this.#filled = 0
    this.#position += bytes
    this.#then((handle) => writeAll(handle, buffer.subarray(0, bytes), position), buffer)
  }

  #then(work: (handle: FileHandle) => Promise<void>, from?: Buffer): void {
    const worked = this.#last.then(async () => work(await this.#opened))
    this.#last = from ? worked.finally(() => this.#backlog.give(from)) : worked
    this.#last.catch(() => {})
  }
}

async function closed(opened: Promise<FileHandle>, written: Promise<unknown>): Promise<void> {
  await using _handle = await opened
  await written
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let from = 0; from < bytes.length; )
    from += (await handle.write(bytes, from, bytes.length - from, position + from)).bytesWritten
}
