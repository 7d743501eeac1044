import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/**
 * So many deliveries in a row on which every place said that it has not got the bytes: they belong to something that was given up. With the
 * pauses between deliveries that is about ten minutes. Other failures in between begin the count anew.
 */
const ANSWERS_BEFORE_GIVING_UP = 10

export interface GoneAnswers {
  /** Counts the answers that say so; deliveries may also have failed for reasons that tell nothing about the bytes. */
  isLost(thrown: unknown, key: string): boolean
  forget(key: string): void
}

export function goneAnswers(): GoneAnswers {
  const counts = new Map<string, number>()
  return {
    isLost(thrown, key) {
      const gone = LifeboatError.is(thrown, 'PART_GONE') && thrown.facts.everywhere === true
      const answers = gone ? (counts.get(key) ?? 0) + 1 : 0
      counts.delete(key)
      if (answers >= ANSWERS_BEFORE_GIVING_UP) return true
      if (answers > 0) counts.set(key, answers)
      return false
    },
    forget: (key) => void counts.delete(key),
  }
}
