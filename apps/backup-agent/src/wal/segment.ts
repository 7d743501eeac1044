import { createHash, type Hash } from 'node:crypto'
import {
  formatLsn,
  parseLsn,
  type Seam,
  type SegmentName,
  segmentAt,
  type Timeline,
} from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { digestOf, plainDigest } from './plain-digest.ts'
import type { Held, SegmentMemory } from './segment-memory.ts'

/** Plain bytes that are to become one object of the archive. */
export interface Cut {
  kind: 'segment' | 'piece'
  timeline: Timeline
  segment: SegmentName
  /** First and last position, the latter excluded. */
  start: bigint
  end: bigint
  /** Of the bytes, as it stands in the key. */
  digest: string
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

/** The segment that is written. */
interface Open {
  held: Held
  /** Gives its memory back. */
  done: () => void
  hash: Hash
}

/**
 * Lays the stream of one timeline into segments. Touches nothing outside: bytes in, cuts out.
 *
 * Holds one segment in memory while it is written; a finished one belongs to the caller until it is released.
 */
export class Segments implements Disposable {
  readonly timeline: Timeline
  readonly #segmentBytes: number
  readonly #memory: SegmentMemory
  #start: bigint
  #open: Open | undefined
  #filled = 0
  /** Bytes of the segment that are shipped as pieces already. */
  #cut: number
  /** What the first segment is to begin with; undefined once it was compared. */
  #seam: { filled: number; digest: string } | undefined
  readonly #onSeam: (seam: Seam) => void

  /**
   * @param at   beginning of a segment
   * @param from everything before it is off-site already; pieces begin there, whole segments are whole
   * @param seam how the segment at `at` began when it was received before
   * @param onSeam is told how a segment began, with every piece
   */
  constructor(opts: {
    timeline: Timeline
    segmentBytes: number
    at: bigint
    from: bigint
    memory: SegmentMemory
    seam?: Seam | undefined
    onSeam?: (seam: Seam) => void
  }) {
    this.timeline = opts.timeline
    this.#segmentBytes = opts.segmentBytes
    this.#memory = opts.memory
    this.#start = opts.at
    this.#seam = opts.seam && { filled: Number(parseLsn(opts.seam.lsn) - opts.at), digest: opts.seam.digest }
    this.#onSeam = opts.onSeam ?? (() => {})
    const inside = opts.from - opts.at
    this.#cut = inside > 0n && inside < BigInt(opts.segmentBytes) ? Number(inside) : 0
  }

  /** The end of what arrived. */
  get received(): bigint {
    return this.#start + BigInt(this.#filled)
  }

  /**
   * Takes what arrived; gives each segment that became full by it.
   *
   * @throws LifeboatError SOURCE_PROTOCOL_BROKEN – it does not follow what arrived before | WAL_REWRITTEN – it is not what was received before
   */
  *take({ start, data }: Arrival): Generator<Cut> {
    if (start !== this.received)
      throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', {
        expected: `WAL from ${this.received.toString(16)}`,
        got: start.toString(16),
      })
    for (let at = 0; at < data.byteLength; ) {
      const part = data.subarray(at, at + (this.#seam?.filled ?? this.#segmentBytes) - this.#filled)
      this.#open ??= this.#begin()
      this.#open.held.bytes.set(part, this.#filled)
      // While they are still in the cache of the processor.
      this.#open.hash.update(part)
      this.#filled += part.byteLength
      at += part.byteLength
      if (this.#filled === this.#seam?.filled) this.#compare(this.#open.hash, this.#seam.digest)
      if (this.#filled === this.#segmentBytes) yield this.#finish(this.#open)
    }
  }

  /** What arrived since the last cut; undefined when nothing did. */
  piece(): Cut | undefined {
    if (this.#open === undefined || this.#filled <= this.#cut || this.#seam !== undefined) return undefined
    const { held, hash } = this.#open
    const { timeline, received } = this
    this.#onSeam({ timeline, lsn: formatLsn(received), digest: digestOf(hash.copy()) })
    const bytes = held.bytes.subarray(this.#cut, this.#filled)
    const place = this.#place('piece', this.#cut, this.#filled)
    this.#cut = this.#filled
    // What arrives meanwhile is written behind it.
    return { ...place, bytes, digest: plainDigest(bytes), release: held.share() }
  }

  /** Gives back the memory of the unfinished segment. */
  [Symbol.dispose](): void {
    this.#open?.done()
    this.#open = undefined
  }

  #compare(hash: Hash, digest: string): void {
    this.#seam = undefined
    const got = digestOf(hash.copy())
    if (got === digest) return
    const facts = {
      segment: segmentAt(this.timeline, this.#start, this.#segmentBytes),
      until: formatLsn(this.received),
    }
    throw new LifeboatError('WAL_REWRITTEN', facts)
  }

  #begin(): Open {
    const held = this.#memory.take(this.#segmentBytes)
    return { held, done: held.share(), hash: createHash('sha256') }
  }

  #finish({ held, done, hash }: Open): Cut {
    const place = this.#place('segment', 0, this.#segmentBytes)
    this.#start += BigInt(this.#segmentBytes)
    this.#filled = 0
    this.#cut = 0
    this.#open = undefined
    return { ...place, bytes: held.bytes, digest: digestOf(hash), release: done }
  }

  #place(kind: Cut['kind'], from: number, to: number) {
    const segment = segmentAt(this.timeline, this.#start, this.#segmentBytes)
    return { kind, timeline: this.timeline, segment, start: this.#start + BigInt(from), end: this.#start + BigInt(to) }
  }
}

/** The beginning of the segment a position lies in. */
export function segmentStart(lsn: bigint, segmentBytes: number): bigint {
  return lsn - (lsn % BigInt(segmentBytes))
}
