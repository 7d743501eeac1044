import { availableParallelism } from 'node:os'

/** As zstd cuts its input for its own threads at the usual level. */
export const FRAME_BYTES = 8 * 1024 * 1024
/** More than eight would hold more memory than they gain: nobody reads a tree as fast as eight cores compress it. */
export const LANES = Math.min(availableParallelism(), 8)

/** Which of the pieces has been filled, and how far; a shorter one is the last. */
export interface FilledPiece {
  no: number
  bytes: number
}
