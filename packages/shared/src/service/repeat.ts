import { setTimeout as pause } from 'node:timers/promises'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'

/**
 * Does the work in rounds until the signal fires. What fails is logged and done again next time, so the work must be written to lose and
 * double nothing by that.
 *
 * @param name   noun of the log event, `<name>.failed`
 * @param restMs pause between two rounds; may depend on how long the last one took
 */
export async function repeat(
  name: string,
  restMs: number | ((tookMs: number) => number),
  work: () => Promise<void>,
  { log, signal }: { log: Logger; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const began = performance.now()
    try {
      await work()
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      if (!signal.aborted)
        log[err.level]({ event: `${name}.failed`, err }, 'a round failed; the next one makes up for it')
    }
    const rest = typeof restMs === 'number' ? restMs : restMs(performance.now() - began)
    await pause(rest, undefined, { signal }).catch(() => {})
  }
}
