import { repeat } from '@lifeboat/shared/service/repeat.ts'
import { BusWatch } from './bus-watch.ts'
import { askDeadMan } from './dead-man.ts'
import type { AlerterDeps } from './deps.ts'
import { noteLetter } from './handlers/note-letter.ts'
import { LookAround } from './look-around.ts'
import { deliverDue } from './outbox.ts'
import { forgetOldIncidents, round } from './round.ts'
import { isPresent } from './rules/service-silent.ts'

const MINUTE = 60_000
const MAIL_LOOK_MS = 5 * MINUTE

/** Starts the rounds, the postman and the consumer of dead letters; several alerters may run. */
export async function startAlerter(deps: AlerterDeps, signal: AbortSignal): Promise<void> {
  const around = new LookAround(deps)
  const busWatch = new BusWatch(deps)
  await deps.bus.consumeDeadLetters('alerter', noteLetter(deps), { signal })
  const rounds = { log: deps.log, signal }
  const { channel, footings } = deps
  const look = { part: 'mail', name: channel.name } as const
  void footings.keepLooking(look, () => channel.tryOut(), { everyMs: MAIL_LOOK_MS, ...rounds })
  await Promise.all([
    repeat(
      'round',
      deps.roundMs,
      async () => {
        try {
          await round(deps, await around.look())
        } catch (err) {
          if (!signal.aborted) await busWatch.failed(err)
          throw err
        }
        await busWatch.succeeded()
      },
      rounds,
    ),
    repeat('delivery', deps.roundMs, async () => void (await deliverDue(deps)), rounds),
    repeat(
      'dead-man',
      MINUTE,
      async () => {
        const world = await around.look()
        const scheduler = world.services.find(({ service }) => service === 'scheduler')
        await askDeadMan(deps, { schedulerPresent: scheduler !== undefined && isPresent(scheduler, world.nowMs) })
      },
      rounds,
    ),
    repeat('incident-prune', 6 * 60 * MINUTE, () => forgetOldIncidents(deps), rounds),
  ])
}
