import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { sinceText } from '../format/moments.ts'
import type { FleetStatus, ServiceStatus, SetStatus, SourceStatus } from '../status/status.ts'
import { type Answer, ailing, broken, well } from './answer.ts'

/** Schedules are kept and lateness is judged by the minute; a clock that is off by more than this moves them visibly. */
const CLOCK_OFF_MS = 30_000

/** The recorded state of a fleet → an answer for each service, source, set and incident that no source's answer tells already. */
export function answersOf(fleet: FleetStatus): Answer[] {
  const told = new Set(fleet.sources.flatMap(({ reasons }) => reasons))
  return [
    ...fleet.services.map((service) => serviceAnswer(service, Date.parse(fleet.at))),
    ...fleet.sources.map(sourceAnswer),
    ...fleet.sets.map(setAnswer),
    ...fleet.incidents
      .filter(({ title }) => !told.has(title))
      .map(({ cause, severity, title, details, hint }) =>
        (severity === 'critical' ? broken : ailing)('incident', cause, [title, ...details], hint),
      ),
  ]
}

function serviceAnswer(
  { service, id, present, instances, lastSeenAt, clockAheadMs = 0 }: ServiceStatus,
  nowMs: number,
) {
  const name = service === id ? service : `${service} ${id}`
  if (!present)
    return broken(
      'service',
      name,
      lastSeenAt ? `silent, last seen ${sinceText(lastSeenAt, nowMs)}` : 'never seen',
      `start ${name}; if it is running, look at its log and whether its host reaches NATS`,
    )
  if (Math.abs(clockAheadMs) > CLOCK_OFF_MS)
    return ailing(
      'service',
      name,
      `the clock of its host is ${formatDuration(Math.abs(clockAheadMs))} ${clockAheadMs > 0 ? 'ahead of' : 'behind'} that of NATS`,
      'set both clocks by NTP (`timedatectl status`)',
    )
  return well('service', name, `${instances} instance${instances === 1 ? '' : 's'}`)
}

function sourceAnswer({ sourceId, light, reasons, next, lastProven }: SourceStatus): Answer {
  if (light === 'green')
    return well(
      'source',
      sourceId,
      ...(lastProven ? [`${lastProven.backupId} is proven at ${lastProven.targetId}`] : []),
    )
  return (light === 'red' ? broken : ailing)('source', sourceId, reasons, next)
}

function setAnswer({ setId, light, newest }: SetStatus): Answer {
  if (newest === undefined) return well('set', setId, 'none was due yet')
  const { point, state, reasons, members } = newest
  const look = `lifeboat backup show ${point}`
  if (light === 'red') return broken('set', setId, reasons, [look, `lifeboat backup now ${setId} --point ${point}`])
  if (light === 'green') return well('set', setId, `${point} is proven`)
  const waiting = members.filter((member) => member.state !== 'proven')
  const says = waiting.map((member) => `${member.policyId} of ${member.sourceId} is ${member.state}`)
  return ailing('set', setId, [`${point} is ${state} and not proven`, ...says], look)
}
