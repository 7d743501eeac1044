import type { Logger } from '@lifeboat/shared/log/logger.ts'

/** Calls when a phase of a command begins for the first time, before anything is done in it. */
export function atPhase(phase: string, then: () => void): Logger {
  let called = false
  const logger: Logger = {
    ...{ error() {}, warn() {}, debug() {} },
    info(facts) {
      const { event, phase: begun } = facts as { event?: string; phase?: string }
      if (called || event !== 'restore.phase' || begun !== phase) return
      called = true
      then()
    },
    child: () => logger,
  }
  return logger
}
