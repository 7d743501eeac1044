import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { BackupId, moment, newRestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { FilesHooks, RestoreHooks, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Context } from '../context.ts'
import type { LiveLine } from '../progress/live-line.ts'
import { waitForFact } from '../wait/wait-for-fact.ts'
import type { Addressed } from './address.ts'
import type { ClusterArgs } from './cluster-wish.ts'
import type { NewDatabaseArgs } from './new-database.ts'
import type { TablesArgs } from './tables-wish.ts'
import { wishOf } from './wish.ts'

/** What the options of `restore plan` and `restore run` say alike. */
export interface PlanArgs extends ClusterArgs, TablesArgs, NewDatabaseArgs {
  source: string
  backup?: string
  target?: string
  unproven?: boolean
  stopHook?: string
  startHook?: string
  readyHook?: string
  postHook?: string
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

export function allHooksOf(args: Pick<PlanArgs, 'stopHook' | 'startHook' | 'readyHook' | 'postHook'>): FilesHooks {
  return { ...hooksOf(args), ...(args.postHook !== undefined && { post: args.postHook }) }
}

/**
 * Asks the agent what a restore would do.
 *
 * @throws LifeboatError AGENT_UNREACHABLE – it did not answer in two minutes · what the agent says stands in the way of any plan
 */
export async function askPlan(
  bus: Bus,
  to: Addressed,
  args: PlanArgs,
  sealedIdentity: string | undefined,
  { terminal, clock, line }: Pick<Context, 'terminal' | 'clock'> & { line: LiveLine },
): Promise<RestorePlan> {
  const { sourceId, agentId, targets } = to
  const now = clock.now()
  const restoreId = newRestoreId(now)
  const { cluster, tables, newDatabase, before } = wishOf(args, to)
  const backup = args.backup === undefined ? undefined : BackupId.safeParse(args.backup)
  if (backup?.success === false) throw new LifeboatError('BACKUP_UNKNOWN', { backupId: args.backup })
  const about = { restoreId, agentId, sourceId, targets, unproven: args.unproven === true, hooks: allHooksOf(args) }
  await bus.publish(RestorePlanRequested, {
    ...about,
    ...(backup && { backupId: backup.data }),
    ...(cluster && { cluster }),
    ...(tables && { tables }),
    ...(newDatabase && { newDatabase }),
    ...(before && { before }),
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
