import type { Road, Standing } from './road.ts'
import type { Segments } from './segment.ts'

/** After a pause the first bytes go soon, not a whole interval later; a burst of small commits still makes one piece. */
const SOON_MS = 100

/** Ships the unfinished segment as far as it goes: not more often than wished, and only when it grew. */
export class PieceTimer implements Disposable {
  segments: Segments
  readonly #road: Road
  readonly #standing: Standing
  readonly #signal: AbortSignal
  #timer: NodeJS.Timeout | undefined
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(road: Road, standing: Standing, segments: Segments, signal: AbortSignal) {
    this.#road = road
    this.#standing = standing
    this.segments = segments
    this.#signal = signal
  }

  /** Bytes arrived. */
  grew(): void {
    if (this.#timer !== undefined) return
    const due = this.#lastMs + this.#road.wal.flushEvery - performance.now()
    this.#wait(Math.max(Math.min(SOON_MS, this.#road.wal.flushEvery), due))
  }

  /** Somebody waits for everything to be safe: no interval is worth that. */
  hurry(): void {
    clearTimeout(this.#timer)
    this.#flush()
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#flush(), ms)
  }

  #flush(): void {
    this.#timer = undefined
    const { shipper } = this.#road
    // Whole segments first: they hold what a piece would.
    if (!shipper.idle) {
      this.#wait(SOON_MS)
      return
    }
    const piece = this.segments.piece()
    if (piece === undefined) return
    this.#lastMs = performance.now()
    shipper.ship(piece, this.#standing, this.#signal).catch(() => {})
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.segments[Symbol.dispose]()
  }
}
