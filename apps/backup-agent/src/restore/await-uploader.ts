import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Awaiting } from '@lifeboat/storage/lent/awaiting.ts'
import { isSilence } from '@lifeboat/storage/lent/open-lent.ts'

/** As long as restarting a service, or the host it runs on, takes. */
const RESTART_MS = 180_000

/**
 * Waits, once for all that a command reads, while no uploader answers; the progress tells it. A target that is away is none of its business: another one may help.
 *
 * @param restartMs behind it what is read counts as unreachable
 */
export function awaitUploader({ report, log }: Pick<Run, 'report' | 'log'>, restartMs = RESTART_MS): Awaiting {
  let since: number | undefined
  return {
    goesOn(thrown) {
      if (!isSilence(thrown)) return false
      if (since === undefined)
        log.warn({ event: 'restore.waiting', err: thrown }, 'no uploader answers; a restore waits for it to come back')
      since ??= performance.now()
      report({ phase: 'wait for an uploader', done: 0, unit: 'checks' })
      return performance.now() - since < restartMs
    },
    answered() {
      if (since !== undefined) log.info({ event: 'restore.going-on' }, 'an uploader answers again; a restore goes on')
      since = undefined
    },
  }
}
