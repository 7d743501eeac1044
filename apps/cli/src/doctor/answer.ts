/** The parts of a fleet in the order they are looked at: each stands on those before it. */
export type Part = 'configuration' | 'bus' | 'service' | 'target' | 'source' | 'set' | 'incident'

/** `unasked`: something before it is broken, so nobody could answer. */
export type Condition = 'well' | 'ailing' | 'broken' | 'unasked'

/** One thing that was looked at. */
export interface Answer {
  part: Part
  name: string
  condition: Condition
  /** What is known of it, one sentence each, the worst first. */
  says: string[]
  /** What to do next, in this order. */
  next: string[]
}

export function well(part: Part, name: string, ...says: string[]): Answer {
  return { part, name, condition: 'well', says, next: [] }
}

export function broken(part: Part, name: string, says: string | string[], next: string | string[]): Answer {
  return { part, name, condition: 'broken', says: [says].flat(), next: [next].flat() }
}

export function ailing(part: Part, name: string, says: string | string[], next: string | string[]): Answer {
  return { part, name, condition: 'ailing', says: [says].flat(), next: [next].flat() }
}

export function unasked(part: Part, name: string, why: string): Answer {
  return { part, name, condition: 'unasked', says: [why], next: [] }
}
