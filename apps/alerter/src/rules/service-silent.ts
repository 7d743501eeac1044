import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Judgement, Rule, WatchedService, World } from '../world.ts'

/** Time for a deploy, and for a service to speak after this alerter began to listen. */
const SILENT_AFTER_MS = 2 * 60_000

/** No instance of a service that the configuration needs is there. */
export const serviceSilent: Rule = (world) => world.services.flatMap((service) => silence(service, world))

function silence({ service, name, lastSeenMs }: WatchedService, world: World): Judgement[] {
  const cause = ['service-silent', service, ...(name === undefined ? [] : [name])].join('.')
  const silentMs = world.nowMs - Math.max(lastSeenMs ?? Number.NEGATIVE_INFINITY, world.watchingSinceMs)
  if (isPresent({ lastSeenMs }, world.nowMs)) return []
  if (silentMs < SILENT_AFTER_MS) return [{ cause, unknown: true }]
  const heard =
    lastSeenMs === undefined ? 'Nothing was ever heard of it' : `It was last heard of at ${moment(lastSeenMs)}`
  return [
    {
      cause,
      rule: 'service-silent',
      severity: 'critical',
      title: `No ${name === undefined ? service : `${service} ${name}`} is running`,
      details: [heard, ...(CONSEQUENCE[service] ?? [])],
      hint: 'Start it, or look at its log and at its connection to NATS. `lifeboat status` shows who is there.',
    },
  ]
}

export function isPresent({ lastSeenMs }: Pick<WatchedService, 'lastSeenMs'>, nowMs: number): boolean {
  return lastSeenMs !== undefined && nowMs - lastSeenMs < SILENT_AFTER_MS
}

const CONSEQUENCE: Record<string, string[]> = {
  scheduler: ['No backup is started on time while it is away; runs that are missed are caught up by policy'],
  'backup-agent': ['The sources of this agent are not backed up while it is away'],
  uploader: ['Backups stay in the agents’ spools and do not go off-site while it is away'],
  verifier: ['No backup is proven while it is away; drills wait for it'],
}
