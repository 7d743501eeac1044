import { SILENT_AFTER_MS } from '@lifeboat/shared/service/presence.ts'
import type { SchedulerDeps } from './deps.ts'

/** A dead alerter cannot tell of itself: the scheduler's log does, once when it falls silent and once when it is back. */
export function watchAlerter({
  presence,
  clock,
  log,
}: Pick<SchedulerDeps, 'presence' | 'clock' | 'log'>): () => Promise<void> {
  // Twice in a row: at a start, and during a deploy, nobody need be alarmed.
  let silentLooks = 0
  return async () => {
    const nowMs = clock.now()
    let present = false
    for await (const { writtenAt } of presence.entries('alerter.>')) present ||= nowMs - writtenAt < SILENT_AFTER_MS
    if (present && silentLooks > 1) log.info({ event: 'alerter.back' }, 'the alerter is back')
    silentLooks = present ? 0 : silentLooks + 1
    if (silentLooks === 2)
      log.error({ event: 'alerter.silent' }, 'no alerter is running: nobody is told when backups go missing')
  }
}
