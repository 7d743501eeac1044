import type { DeadLetter } from '@lifeboat/shared/bus/bus.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AlerterDeps } from '../deps.ts'
import { countLetter, letterId } from '../letters.ts'

const TRIES = 20

/** Counts one dead letter; the rule opens the incident. A letter delivered twice is counted twice, which does no harm. */
export function noteLetter({
  letters,
  clock,
}: Pick<AlerterDeps, 'letters' | 'clock'>): (letter: DeadLetter) => Promise<void> {
  return async (letter) => {
    const key = letterId(letter)
    for (let tries = 0; tries < TRIES; tries += 1) {
      const known = await letters.get(key)
      const next = countLetter(known?.value, letter, clock.now())
      const written =
        known === undefined ? await letters.create(key, next) : await letters.update(key, next, known.revision)
      if (written !== undefined) return
    }
    throw new LifeboatError('BUS_CONTENDED', { letter: key })
  }
}
