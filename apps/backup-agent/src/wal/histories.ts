import { setTimeout as pause } from 'node:timers/promises'
import { WAL_SURVEYS_BUCKET } from '@lifeboat/catalog/audit/wal-survey.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Road } from './road.ts'

const LOOK_EVERY_MS = 30_000

/** Ships again, for as long as the agent lives, what uploaders found no target to have any more. */
export async function shipLostHistories(road: Road): Promise<void> {
  const { signal, log } = road
  let answered: number | undefined
  for (; !signal.aborted; await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})) {
    try {
      answered = await shipLost(road, answered)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      log[err.level](
        { event: 'wal.histories-unknown', err },
        'whether histories of timelines are lost is not known now',
      )
    }
  }
}

/**
 * Uploaders write twice of one look: that it has begun, with what was gone before, and a minute later what it found.
 *
 * @param answered the revision of what they wrote that is answered
 * @returns the same of now
 */
async function shipLost(road: Road, answered: number | undefined): Promise<number | undefined> {
  const { bus, sourceId, now, shipper, log } = road
  const { standing } = now
  const survey = await (await bus.bucket(WAL_SURVEYS_BUCKET)).get(sourceId)
  // Before the server was met nothing can be shipped.
  if (survey === undefined || survey.revision === answered || standing === undefined) return answered
  for (const { timeline } of survey.value.gone.filter(({ history }) => history)) {
    const content = standing.histories.get(timeline)
    const facts = { timeline, server: content === undefined ? 'does not have it' : 'has it' }
    log.warn({ event: 'wal.history-lost', ...facts }, 'no target has the history of a timeline any more')
    if (content !== undefined) await shipper.shipHistory(timeline, content, standing)
  }
  return survey.revision
}
