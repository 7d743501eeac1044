import type { Light } from './status.ts'

/** Something that keeps a source from being green. */
export interface Finding {
  light: Light
  reason: string
  /** What to do about it, a command where there is one. */
  next: string
}

export function red(reason: string, next: string): Finding {
  return { light: 'red', reason, next }
}

export function yellow(reason: string, next: string): Finding {
  return { light: 'yellow', reason, next }
}

/** Red before yellow. */
export function rank({ light }: Finding): number {
  return light === 'red' ? 0 : 1
}
