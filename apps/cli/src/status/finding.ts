import type { Light } from './status.ts'

/** Something that keeps a source from being green. */
export interface Finding {
  light: Light
  reason: string
}

export function red(reason: string): Finding {
  return { light: 'red', reason }
}

export function yellow(reason: string): Finding {
  return { light: 'yellow', reason }
}

/** Red before yellow. */
export function rank({ light }: Finding): number {
  return light === 'red' ? 0 : 1
}
