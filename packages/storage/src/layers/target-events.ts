import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import type { TargetObserver } from './metered.ts'

/** What a service asks of its targets, as metrics and debug lines; register once per process. */
export function targetEvents(metrics: Metrics): (log: Logger) => TargetObserver {
  const asked = metrics.event({
    event: 'target.asked',
    sentence: 'asked a target',
    level: 'debug',
    labels: ['targetId', 'operation', 'outcome'],
  })
  const moved = metrics.event({
    event: 'target.moved',
    sentence: 'moved bytes to or from a target',
    level: 'debug',
    labels: ['targetId', 'direction'],
  })
  return (log) => ({
    answered: (call) => asked(log, call),
    moved: (targetId, direction, bytes) => moved(log, { targetId, direction, bytes }),
  })
}
