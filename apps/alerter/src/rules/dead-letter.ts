import type { Rule } from '../world.ts'

/** Without another letter of its kind for so long, the matter counts as settled; the letters stay in their stream. */
const QUIET_AFTER_MS = 24 * 3_600_000

/** A message nobody will ever handle. One incident per kind: subject, consumer and error. */
export const deadLetter: Rule = (world) =>
  world.letters
    .filter((letter) => world.nowMs - Date.parse(letter.lastAt) < QUIET_AFTER_MS)
    .map((letter) => ({
      cause: `dead-letter.${letter.id}`,
      rule: 'dead-letter',
      severity: 'critical',
      title: `Messages on ${letter.subject} could not be handled`,
      details: [
        `${letter.count} ${letter.count === 1 ? 'message was' : 'messages were'} put aside, the last at ${letter.lastAt}`,
        `Consumer ${letter.consumer}: ${letter.error.code}, ${letter.error.title}`,
        ...Object.entries(letter.error.facts).map(([name, value]) => `${name}: ${String(value)}`),
        `It begins: ${letter.excerpt}`,
      ],
      hint: letter.error.hint,
    }))
