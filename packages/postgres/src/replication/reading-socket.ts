import { Socket } from 'node:net'

/** Eight of the longest messages of a replication stream; Node's own reads are of 64 KiB. Each is a turn of the event loop, which in a backlog costs more than the copying. */
const READ_BYTES = 1024 * 1024

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
