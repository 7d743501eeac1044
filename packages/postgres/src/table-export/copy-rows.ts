import type { Client, Connection } from 'pg'

/** Rows come one message each; what is handed on is worth a write. */
const BLOCK_BYTES = 256 * 1024
const MOST_WAITING = 8

/**
 * What a `COPY … TO STDOUT` writes, in blocks, as fast as they are taken: the socket is paused meanwhile.
 *
 * On the client's own connection, which holds the locks: a second session would queue behind whoever waits to alter the table, who waits for us.
 * A reader that stops early ends the client, for there is no other way out of a COPY.
 *
 * @throws what the server says; why the connection is gone
 */
export async function* copyRows(client: Client, statement: string): AsyncGenerator<Uint8Array, void, undefined> {
  const copying = new Copying(statement)
  client.query(copying as never)
  try {
    for (let block = await copying.next(); block !== undefined; block = await copying.next()) yield block
  } finally {
    if (!copying.ended) await client.end().catch(() => {})
  }
}

/** The driver's own kind of query: it submits itself and is told every message of its answer. */
class Copying {
  ended = false
  readonly #statement: string
  readonly #blocks: Buffer[] = []
  #filling = Buffer.allocUnsafe(BLOCK_BYTES)
  #filled = 0
  #error: Error | undefined
  #connection: Connection | undefined
  #wake: () => void = () => {}

  constructor(statement: string) {
    this.#statement = statement
  }

  async next(): Promise<Uint8Array | undefined> {
    while (this.#blocks.length === 0 && !this.ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    const block = this.#blocks.shift()
    if (block !== undefined) {
      if (this.#blocks.length < MOST_WAITING) this.#connection?.stream.resume()
      return block
    }
    if (this.#error) throw this.#error
    return undefined
  }

  submit(connection: Connection): void {
    this.#connection = connection
    connection.query(this.#statement)
  }

  /** The driver reuses the memory behind a message, so its bytes are copied. */
  handleCopyData({ chunk }: { chunk: Buffer }): void {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(this.#filling, this.#filled, at)
      this.#filled += copied
      at += copied
      if (this.#filled === BLOCK_BYTES) this.#pass()
    }
    if (this.#blocks.length >= MOST_WAITING) this.#connection?.stream.pause()
  }

  handleReadyForQuery(): void {
    this.#end()
  }

  handleError(err: Error): void {
    this.#error = err
    this.#end()
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  #end(): void {
    if (this.#filled > 0) this.#pass()
    this.ended = true
    this.#wake()
  }

  #pass(): void {
    this.#blocks.push(this.#filling.subarray(0, this.#filled))
    this.#filling = Buffer.allocUnsafe(BLOCK_BYTES)
    this.#filled = 0
    this.#wake()
  }
}
