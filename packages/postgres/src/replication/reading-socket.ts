import { Socket } from 'node:net'

/** Fewer reads for the long messages of a replication stream; Node's own are of 64 KiB. */
const READ_BYTES = 256 * 1024

/**
 * A socket that reads into one and the same memory: a stream of gigabytes leaves nothing for the collector. Who listens to `data`, as the driver does
 * while it logs in, gets copies.
 *
 * NOTE: it cannot be the ground of a TLS connection, which reads by itself.
 */
export class ReadingSocket extends Socket {
  /** Hears of bytes instead of listeners to `data`; they are valid during the call only. */
  onBytes: (bytes: Buffer) => void = (bytes) => void this.emit('data', Buffer.from(bytes))

  constructor() {
    super({
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (count, memory) => {
          this.onBytes(Buffer.from(memory.buffer, memory.byteOffset, count))
          return true
        },
      },
    })
  }
}
