import { writeSync } from 'node:fs'
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib'
import { FRAME_BYTES } from './gate-sizes.ts'

/** With room for a whole frame of whatever there is, zstd compresses straight from what it is given, which saves a fifth; pages nobody writes to cost nothing. */
const OUTPUT_BYTES = 2 * FRAME_BYTES

interface Frame {
  lane: Lane
  contents: Promise<readonly Buffer[]>
  release: () => void
}

export interface FramesOptions {
  /** Open for writing; closed by the caller. */
  fd: number
  /** Of zstd. */
  level: number
  /** So many pieces are compressed at once. */
  lanes: number
}

/**
 * Compresses pieces of a stream by zstd, as many at once as there are lanes, and writes them in order: frames one behind the other, which `zstd -d`
 * takes for one.
 *
 * Threads of the process compress what the process has in its memory anyway: a program of its own would have every byte carried to it.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc8878#section-3 – frames are independent, and may be concatenated
 */
export class Frames {
  readonly #fd: number
  readonly #idle: Lane[]
  readonly #waiting: Frame[] = []

  constructor({ fd, level, lanes }: FramesOptions) {
    this.#fd = fd
    this.#idle = Array.from({ length: lanes }, () => new Lane(level))
  }

  /** Resolves when the piece is at work. @param release called when nobody looks at it any more */
  async add(piece: Uint8Array, release = () => {}): Promise<void> {
    if (this.#idle.length === 0) await this.#settleFirst()
    const lane = this.#idle.pop() as Lane
    this.#waiting.push({ lane, contents: lane.compress(piece), release })
  }

  async end(): Promise<void> {
    while (this.#waiting.length > 0) await this.#settleFirst()
  }

  async #settleFirst(): Promise<void> {
    const { lane, contents, release } = this.#waiting.shift() as Frame
    for (const each of await contents) writeAll(this.#fd, each)
    this.#idle.push(lane)
    release()
  }
}

/** One frame after the other, with the memory of the first. */
class Lane {
  readonly #zstd: ZstdCompress
  #output: Buffer[] = []

  constructor(level: number) {
    const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag, ZSTD_e_end } = constants
    this.#zstd = createZstdCompress({
      chunkSize: OUTPUT_BYTES,
      // Each write is a frame.
      flush: ZSTD_e_end,
      params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 },
    })
    this.#zstd.on('data', (bytes: Buffer) => void this.#output.push(bytes))
  }

  async compress(piece: Uint8Array): Promise<readonly Buffer[]> {
    await new Promise<unknown>((resolve) => this.#zstd.write(piece, resolve))
    const output = this.#output
    this.#output = []
    return output
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}
