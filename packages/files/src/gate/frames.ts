import { writeSync } from 'node:fs'
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib'

/** As zstd cuts its input for its own threads at the usual level. */
const FRAME_BYTES = 8 * 1024 * 1024
/** What comes of a frame is nearly always less than a half, and then one step does. */
const OUTPUT_BYTES = FRAME_BYTES / 2

interface Frame {
  fd: number
  lane: Lane
  contents: Promise<readonly Buffer[]>
  /** To be filled again afterwards. */
  buffer: Buffer | undefined
}

/**
 * Compresses pieces of one or several streams by zstd, as many at once as there are lanes, and writes each stream in order. A stream is frames one
 * behind the other, which `zstd -d` takes for one.
 *
 * Threads of the process compress what the process has in its memory anyway: a program of its own would have every byte carried to it.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc8878#section-3 – frames are independent, and may be concatenated
 */
export class Frames {
  readonly #idle: Lane[]
  readonly #free: Buffer[]
  readonly #waiting: Frame[] = []

  constructor(level: number, lanes: number) {
    this.#idle = Array.from({ length: lanes }, () => new Lane(level))
    this.#free = Array.from({ length: lanes + 1 }, () => Buffer.allocUnsafeSlow(FRAME_BYTES))
  }

  /** A buffer to fill with the next piece. */
  room(): Buffer {
    return this.#free.pop() as Buffer
  }

  /** Resolves when the piece is at work. @param buffer what it is the beginning of, where it came from `room` */
  async add(fd: number, piece: Buffer, buffer?: Buffer): Promise<void> {
    if (this.#idle.length === 0) await this.#settleFirst()
    const lane = this.#idle.pop() as Lane
    this.#waiting.push({ fd, lane, contents: lane.compress(piece), buffer })
  }

  async end(): Promise<void> {
    while (this.#waiting.length > 0) await this.#settleFirst()
  }

  async #settleFirst(): Promise<void> {
    const { fd, lane, contents, buffer } = this.#waiting.shift() as Frame
    for (const each of await contents) writeAll(fd, each)
    this.#idle.push(lane)
    if (buffer) this.#free.push(buffer)
  }
}

/** One frame after the other, with the memory of the first. */
class Lane {
  readonly #zstd: ZstdCompress
  #output: Buffer[] = []

  constructor(level: number) {
    const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = constants
    this.#zstd = createZstdCompress({
      chunkSize: OUTPUT_BYTES,
      params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 },
    })
    this.#zstd.on('data', (bytes: Buffer) => void this.#output.push(bytes))
  }

  async compress(piece: Buffer): Promise<readonly Buffer[]> {
    this.#zstd.write(piece)
    await new Promise<void>((resolve) => this.#zstd.flush(constants.ZSTD_e_end, resolve))
    const output = this.#output
    this.#output = []
    return output
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}
