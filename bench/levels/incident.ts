import { isDeepStrictEqual } from 'node:util'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** Something that was lost, and how long it took until that was over, in seconds from the loss. */
export interface Incident {
  level: number
  lost: string
  /** Section of the page that was gone through. */
  way: string
  databaseBytes: number
  /** Until the application finds its data again; undefined where it never missed any. */
  answersAfter?: number
  /** Until a backup that was taken afterwards is proven; undefined where nothing kept anybody from taking one. */
  goesOnAfter?: number
  /** Of what was committed before the loss, the last so many milliseconds did not come back; undefined where nothing could be lost. */
  lostMs?: number
}

export interface HowToHappen {
  databaseMb: number
  say: (line: string) => void
}

export const SIZE = 'SELECT pg_database_size(current_database())::float8 AS bytes'

export function demandSame(found: readonly unknown[], before: readonly unknown[]): void {
  if (isDeepStrictEqual(found, before)) return
  throw new LifeboatError('INTERNAL', { message: 'what came back is not what was lost', found: JSON.stringify(found) })
}

/** Steps that take a while, without their percentages. */
export function steps(say: (line: string) => void): (step: string) => void {
  return (step) => void (step.endsWith('%') || say(step))
}
