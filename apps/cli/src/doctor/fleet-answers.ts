import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { reportLine } from '../format/error-text.ts'
import { sinceText } from '../format/moments.ts'
import type { FleetStatus, ServiceStatus, SetStatus, SourceStatus } from '../status/status.ts'
import { type Answer, ailing, broken, well } from './answer.ts'

/** Schedules are kept and lateness is judged by the minute; a clock that is off by more than this moves them visibly. */
const CLOCK_OFF_MS = 30_000

/** The recorded state of a fleet → an answer for each service, source, set and incident that no source's answer tells already. */
export function answersOf(fleet: FleetStatus): Answer[] {
  const told = new Set(fleet.sources.flatMap(({ reasons }) => reasons))
  // The answer of the service, source or target says the same, and newer.
  const lost = fleet.services.flatMap(({ footings }) => footings.filter(({ error }) => error !== undefined))
  const isTold = ({ cause, title }: FleetStatus['incidents'][number]) =>
    told.has(title) || lost.some(({ part, name }) => cause === `footing-lost.${part}.${name}`)
  return [
    ...fleet.services.map((service) => serviceAnswer(service, Date.parse(fleet.at))),
    ...fleet.sources.map(sourceAnswer),
    ...fleet.sets.map(setAnswer),
    ...fleet.incidents
      .filter((incident) => !isTold(incident))
      .map(({ cause, severity, title, details, hint }) =>
        (severity === 'critical' ? broken : ailing)('incident', cause, [title, ...details], hint),
      ),
  ]
}

function serviceAnswer(
  { service, id, present, instances, lastSeenAt, clockAheadMs = 0, footings, operators }: ServiceStatus,
  nowMs: number,
): Answer {
  const name = service === id ? service : `${service} ${id}`
  if (!present)
    return broken(
      'service',
      name,
      lastSeenAt ? `silent, last seen ${sinceText(lastSeenAt, nowMs)}` : 'not there: it was stopped, or never started',
      `start ${name}; if it is running, look at its log and whether its host reaches NATS`,
    )
  // Of sources and targets it is told with them.
  const lost = footings.filter(({ part, error }) => error !== undefined && part !== 'source' && part !== 'target')
  if (lost.length > 0)
    return broken(
      'service',
      name,
      lost.map(lostLine),
      lost.flatMap(({ error }) => error?.hint ?? []),
    )
  if (Math.abs(clockAheadMs) > CLOCK_OFF_MS)
    return ailing(
      'service',
      name,
      `the clock of its host is ${formatDuration(Math.abs(clockAheadMs))} ${clockAheadMs > 0 ? 'ahead of' : 'behind'} that of NATS`,
      'set both clocks by NTP (`timedatectl status`)',
    )
  return well('service', name, [`${instances} instance${instances === 1 ? '' : 's'}`, ...obeys(operators)].join(', '))
}

/** Whether anything of it comes back on command is for its administrator to decide, and for nobody to find out on a bad night. */
function obeys(operators: readonly string[] | undefined): string[] {
  if (operators === undefined) return []
  return [
    operators.length > 0
      ? `obeys ${operators.join(', ')}`
      : 'obeys no operator, so that nothing comes back on command (docs/restore.md)',
  ]
}

function lostLine({ part, name, error }: Footing): string {
  return `${part} ${name}: ${error === undefined ? '' : reportLine(error)}`
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
