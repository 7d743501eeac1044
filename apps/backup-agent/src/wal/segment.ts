import { type SegmentName, segmentAt, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** Plain bytes that are to become one object of the archive. */
export interface Cut {
  kind: 'segment' | 'piece'
  timeline: Timeline
  segment: SegmentName
  /** First and last position, the latter excluded. */
  start: bigint
  end: bigint
  /** Valid until `release`. */
  bytes: Buffer
  /** Gives the memory back. */
  release(): void
}

/** What arrived from the server. */
export interface Arrival {
  start: bigint
  data: Uint8Array
}

/**
 * Lays the stream of one timeline into segments. Touches nothing outside: bytes in, cuts out.
 *
 * Holds one segment in memory; a finished one belongs to the caller until it is released.
 */
export class Segments {
  readonly timeline: Timeline
  readonly #segmentBytes: number
  readonly #free: Buffer[] = []
  #start: bigint
  #held: Buffer
  #filled = 0
  /** Bytes of the segment that are shipped as pieces already. */
  #cut: number

  /**
   * @param at   beginning of a segment
   * @param from everything before it is off-site already; pieces begin there, whole segments are whole
   */
  constructor(opts: { timeline: Timeline; segmentBytes: number; at: bigint; from: bigint }) {
    this.timeline = opts.timeline
    this.#segmentBytes = opts.segmentBytes
    this.#start = opts.at
    const inside = opts.from - opts.at
    this.#cut = inside > 0n && inside < BigInt(opts.segmentBytes) ? Number(inside) : 0
    this.#held = this.#memory()
  }

  /** The end of what arrived. */
  get received(): bigint {
    return this.#start + BigInt(this.#filled)
  }

  /**
   * Takes what arrived; gives each segment that became full by it.
   *
   * @throws LifeboatError SOURCE_PROTOCOL_BROKEN – it does not follow what arrived before
   */
  *take({ start, data }: Arrival): Generator<Cut> {
    if (start !== this.received)
      throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', {
        expected: `WAL from ${this.received.toString(16)}`,
        got: start.toString(16),
      })
    for (let at = 0; at < data.byteLength; ) {
      const part = data.subarray(at, at + this.#segmentBytes - this.#filled)
      this.#held.set(part, this.#filled)
      this.#filled += part.byteLength
      at += part.byteLength
      if (this.#filled === this.#segmentBytes) yield this.#finish()
    }
  }

  /** What arrived since the last cut; undefined when nothing did. Its bytes are a copy: more may arrive meanwhile. */
  piece(): Cut | undefined {
    if (this.#filled <= this.#cut) return undefined
    const bytes = Buffer.from(this.#held.subarray(this.#cut, this.#filled))
    const piece = { ...this.#place('piece', this.#cut, this.#filled), bytes, release() {} }
    this.#cut = this.#filled
    return piece
  }

  #finish(): Cut {
    const bytes = this.#held
    let released = false
    const release = () => {
      // One spare is enough: the next segment is written into it while this one is shipped.
      if (!released && this.#free.length === 0) this.#free.push(bytes)
      released = true
    }
    const segment = { ...this.#place('segment', 0, this.#segmentBytes), bytes, release }
    this.#start += BigInt(this.#segmentBytes)
    this.#filled = 0
    this.#cut = 0
    this.#held = this.#memory()
    return segment
  }

  #place(kind: Cut['kind'], from: number, to: number) {
    const segment = segmentAt(this.timeline, this.#start, this.#segmentBytes)
    return { kind, timeline: this.timeline, segment, start: this.#start + BigInt(from), end: this.#start + BigInt(to) }
  }

  #memory(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#segmentBytes)
  }
}

/** The beginning of the segment a position lies in. */
export function segmentStart(lsn: bigint, segmentBytes: number): bigint {
  return lsn - (lsn % BigInt(segmentBytes))
}
