import { createHash } from 'node:crypto'
import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'

/** Clocks of agent and server may differ a little, and a base is not consistent before its end. */
const MARGIN_MS = 1_000

/**
 * A moment between the end of a backup and what is off-site, to rehearse recovery to: any one, but for the same seed the same.
 *
 * @param seed the id of the run, so that a wish published twice asks for one and the same thing
 * @returns undefined when nothing lies between the two
 */
export function randomMoment(seed: string, from: Moment, to: Moment): Moment | undefined {
  const fromMs = Date.parse(from) + MARGIN_MS
  const room = Date.parse(to) - fromMs
  if (room < 0) return undefined
  const fraction = createHash('sha256').update(seed).digest().readUInt32BE() / 2 ** 32
  return moment(fromMs + Math.floor(room * fraction))
}
