import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { BackupId, moment, newRestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { ClusterWish, RestoreHooks, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Context } from '../context.ts'
import type { LiveLine } from '../progress/live-line.ts'
import { waitForFact } from '../wait/wait-for-fact.ts'
import type { Addressed } from './address.ts'
import { type ClusterArgs, clusterWishOf } from './cluster-wish.ts'
import { type TablesArgs, tablesWishOf } from './tables-wish.ts'

/** What the options of `restore plan` and `restore run` say alike. */
export interface PlanArgs extends ClusterArgs, TablesArgs {
  source: string
  backup?: string
  target?: string
  unproven?: boolean
  stopHook?: string
  startHook?: string
  readyHook?: string
  identity?: string
}

/** Listing a large target takes a while; an agent that is away says nothing at all. */
const PATIENCE_MS = 120_000

export function hooksOf({
  stopHook,
  startHook,
  readyHook,
}: Pick<PlanArgs, 'stopHook' | 'startHook' | 'readyHook'>): RestoreHooks {
  return {
    ...(stopHook !== undefined && { stop: stopHook }),
    ...(startHook !== undefined && { start: startHook }),
    ...(readyHook !== undefined && { ready: readyHook }),
  }
}

/** What is to be brought back, where it is not the database. @throws LifeboatError CLI_USAGE | RECOVERY_TIME_UNZONED | RECOVERY_GOAL_UNREADABLE */
export function wishOf(args: ClusterArgs & TablesArgs): { cluster?: ClusterWish; tables?: TablesWish } {
  const tables = tablesWishOf(args)
  const cluster = clusterWishOf(args)
  if (tables && cluster)
    throw new LifeboatError('CLI_USAGE', { problem: 'a cluster or tables of it: give one of them' })
  return { ...(cluster && { cluster }), ...(tables && { tables }) }
}

/**
 * Asks the agent what a restore would do.
 *
 * @throws LifeboatError AGENT_UNREACHABLE – it did not answer in two minutes · what the agent says stands in the way of any plan
 */
export async function askPlan(
  bus: Bus,
  { sourceId, agentId, targets }: Addressed,
  args: PlanArgs,
  sealedIdentity: string | undefined,
  { terminal, clock, line }: Pick<Context, 'terminal' | 'clock'> & { line: LiveLine },
): Promise<RestorePlan> {
  const now = clock.now()
  const restoreId = newRestoreId(now)
  const { cluster, tables } = wishOf(args)
  const backup = args.backup === undefined ? undefined : BackupId.safeParse(args.backup)
  if (backup?.success === false) throw new LifeboatError('BACKUP_UNKNOWN', { backupId: args.backup })
  const about = { restoreId, agentId, sourceId, targets, unproven: args.unproven === true, hooks: hooksOf(args) }
  await bus.publish(RestorePlanRequested, {
    ...about,
    ...(backup && { backupId: backup.data }),
    ...(cluster && { cluster }),
    ...(tables && { tables }),
    ...(sealedIdentity !== undefined && { sealedIdentity }),
    requestedAt: moment(now),
  })
  line.say(`asked ${agentId} for its plan …`)
  const signal = AbortSignal.any([terminal.signal, AbortSignal.timeout(PATIENCE_MS)])
  const fits = (fact: RestorePlanned) => fact.restoreId === restoreId
  const wanted = { type: RestorePlanned, route: sourceId, fits, runId: restoreId, since: now - 60_000 }
  const answer = await waitForFact(bus, wanted, { signal, line })
  terminal.signal.throwIfAborted()
  if (!answer) throw new LifeboatError('AGENT_UNREACHABLE', { agentId, waitedMs: PATIENCE_MS })
  if (answer.error) throw new LifeboatError(answer.error.code, answer.error.facts)
  if (!answer.plan) throw new LifeboatError('INTERNAL', { message: 'an answer without plan and error' })
  return answer.plan
}
