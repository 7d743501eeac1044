import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import type { TargetObserver } from '@lifeboat/storage/layers/metered.ts'

export type Events = ReturnType<typeof verifierEvents>

/** What a verifier does that people want to count; one call writes log line and metric together. */
export function verifierEvents(metrics: Metrics) {
  const targetAsked = metrics.event({
    event: 'target.asked',
    sentence: 'asked a target',
    level: 'debug',
    labels: ['targetId', 'operation', 'outcome'],
  })
  const targetMoved = metrics.event({
    event: 'target.moved',
    sentence: 'moved bytes to or from a target',
    level: 'debug',
    labels: ['targetId', 'direction'],
  })
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
    observerOf: (log: Logger): TargetObserver => ({
      answered: (call) => targetAsked(log, call),
      moved: (targetId, direction, bytes) => targetMoved(log, { targetId, direction, bytes }),
    }),
  }
}
