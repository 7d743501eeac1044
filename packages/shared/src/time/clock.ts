/** Wall-clock time as a dependency, so that deciders and tests agree on what "now" is. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** UTC, ISO-8601, whole milliseconds: the only form a moment takes in data. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** `20260926T020000Z`: sorts by time and fits into keys. */
export function compactTime(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '')
}
