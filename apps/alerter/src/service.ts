import { setTimeout as pause } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { BusWatch } from './bus-watch.ts'
import { askDeadMan } from './dead-man.ts'
import type { AlerterDeps } from './deps.ts'
import { noteLetter } from './handlers/note-letter.ts'
import { LookAround } from './look-around.ts'
import { deliverDue } from './outbox.ts'
import { forgetOldIncidents, round } from './round.ts'
import { isPresent } from './rules/service-silent.ts'

const MINUTE = 60_000

/** Starts the rounds, the postman and the consumer of dead letters; several alerters may run. */
export async function startAlerter(deps: AlerterDeps, signal: AbortSignal): Promise<void> {
  const around = new LookAround(deps)
  const busWatch = new BusWatch(deps)
  await deps.bus.consumeDeadLetters('alerter', noteLetter(deps), { signal })
  await Promise.all([
    repeat(deps, signal, 'round', deps.roundMs, async () => {
      try {
        await round(deps, await around.look())
      } catch (err) {
        if (!signal.aborted) await busWatch.failed(err)
        throw err
      }
      await busWatch.succeeded()
    }),
    repeat(deps, signal, 'delivery', deps.roundMs, async () => void (await deliverDue(deps))),
    repeat(deps, signal, 'dead-man', MINUTE, async () => {
      const world = await around.look()
      const scheduler = world.services.find(({ service }) => service === 'scheduler')
      await askDeadMan(deps, { schedulerPresent: scheduler !== undefined && isPresent(scheduler, world.nowMs) })
    }),
    repeat(deps, signal, 'incident-prune', 6 * 60 * MINUTE, () => forgetOldIncidents(deps)),
  ])
}

/** A round that fails leaves everything for the next: incidents and outbox lie in the bus. */
async function repeat(
  { log }: Pick<AlerterDeps, 'log'>,
  signal: AbortSignal,
  name: string,
  everyMs: number,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work()
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      if (!signal.aborted)
        log[err.level]({ event: `${name}.failed`, err }, 'a round failed; the next one makes up for it')
    }
    await pause(everyMs, undefined, { signal }).catch(() => {})
  }
}
