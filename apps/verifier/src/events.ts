import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import { targetEvents } from '@lifeboat/storage/layers/target-events.ts'

export type Events = ReturnType<typeof verifierEvents>

/** What a verifier does that people want to count; one call writes log line and metric together. */
export function verifierEvents(metrics: Metrics) {
  return {
    drillBegun: metrics.event({ event: 'drill.begun', sentence: 'began a drill', labels: ['targetId', 'sourceId'] }),
    drillFinished: metrics.event({
      event: 'drill.finished',
      sentence: 'finished a drill',
      labels: ['targetId', 'sourceId', 'verdict'],
    }),
    drillRepeated: metrics.event({
      event: 'drill.repeated',
      sentence: 'found the evidence of this run at the target already',
      labels: ['targetId', 'sourceId'],
    }),
    observerOf: targetEvents(metrics),
  }
}
