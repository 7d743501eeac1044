import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import { targetEvents } from '@lifeboat/storage/layers/target-events.ts'

export type Events = ReturnType<typeof uploaderEvents>

/** What an uploader does that people want to count; one call writes log line and metric together. */
export function uploaderEvents(metrics: Metrics) {
  return {
    partStored: metrics.event({ event: 'part.stored', sentence: 'stored part', labels: ['targetId', 'from'] }),
    partFound: metrics.event({ event: 'part.found', sentence: 'found part stored already', labels: ['targetId'] }),
    partGivenUp: metrics.event({
      event: 'part.given-up',
      sentence: 'gave up a part that nobody has any more',
      level: 'warn',
      labels: ['targetId'],
    }),
    /** Its `durationMs` is the off-site lag: from the seal of the backup to the complete copy. */
    copyStored: metrics.event({ event: 'copy.stored', sentence: 'stored copy', labels: ['targetId', 'sourceId'] }),
    copyRefused: metrics.event({
      event: 'copy.refused',
      sentence: 'the target cannot take this copy',
      level: 'warn',
      labels: ['targetId', 'sourceId'],
    }),
    observerOf: targetEvents(metrics),
  }
}
