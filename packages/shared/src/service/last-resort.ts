import type { Logger } from '../log/logger.ts'

const EXIT_HUNG = 1

export interface LastResort {
  /** What is waited for from now on; told if it is what hangs. */
  at(step: string): void
  /** From now on the process has its time to end by itself. Again changes nothing. */
  arm(): void
}

/**
 * Ends a process that does not end by itself, and says what it hung on. Nothing that holds the event loop open, a connection to a server that
 * does not answer above all, may make a stop take for ever: whoever restarts a host waits for it.
 */
export function lastResort(log: Logger, afterMs: number): LastResort {
  let waitingFor = 'work in progress'
  let isArmed = false
  const end = () => {
    const held = Object.entries(Object.groupBy(process.getActiveResourcesInfo(), (kind) => kind))
    const resources = held.map(([kind, all]) => `${all?.length} ${kind}`).join(', ')
    log.error({ event: 'service.hung', waitingFor, resources, afterMs }, 'did not end by itself and is ended now')
    process.exit(EXIT_HUNG)
  }
  return {
    at(step) {
      waitingFor = step
    },
    arm() {
      if (!isArmed) setTimeout(end, afterMs).unref()
      isArmed = true
    },
  }
}
