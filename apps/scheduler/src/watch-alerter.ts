import { SILENT_AFTER_MS } from '@lifeboat/shared/service/presence.ts'
import type { SchedulerDeps } from './deps.ts'

/** A dead alerter cannot tell of itself: the scheduler's log does, once when it falls silent and once when it is back. */
export function watchAlerter({
  presence,
  clock,
  log,
}: Pick<SchedulerDeps, 'presence' | 'clock' | 'log'>): () => Promise<void> {
  let silentSince: number | undefined
  return async () => {
    const nowMs = clock.now()
    let present = false
    for await (const { value } of presence.entries('alerter.>'))
      present ||= nowMs - Date.parse(value.at) < SILENT_AFTER_MS
    if (present && silentSince !== undefined) log.info({ event: 'alerter.back' }, 'the alerter is back')
    if (!present && silentSince === undefined)
      log.error({ event: 'alerter.silent' }, 'no alerter is running: nobody is told when backups go missing')
    silentSince = present ? undefined : (silentSince ?? nowMs)
  }
}
