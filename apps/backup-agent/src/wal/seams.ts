import type { Seam, Timeline } from '@lifeboat/shared/domain/wal.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { segmentStart } from './segment.ts'

/**
 * How the newest unfinished segment of each timeline began, up to where its last piece was cut. Whoever receives it again compares: a server that sends
 * other bytes there has written its WAL anew.
 */
export class Seams {
  readonly #newest = new Map<Timeline, Seam>()

  constructor(known?: Seam) {
    if (known !== undefined) this.note(known)
  }

  note(seam: Seam): void {
    this.#newest.set(seam.timeline, seam)
  }

  /** undefined: nothing is known of the segment that begins there. */
  within(timeline: Timeline, at: bigint, segmentBytes: number): Seam | undefined {
    const seam = this.#newest.get(timeline)
    return seam !== undefined && segmentStart(parseLsn(seam.lsn), segmentBytes) === at ? seam : undefined
  }

  /** To be written down. */
  of(timeline: Timeline): Seam | undefined {
    return this.#newest.get(timeline)
  }
}
