import type { Goal } from '@lifeboat/shared/domain/goal.ts'
import type { FleetId } from '@lifeboat/shared/domain/ids.ts'
import type { DatabaseOrder, RestoreOrder, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import type { WalReach } from '@lifeboat/shared/domain/wal.ts'
import type { Addressed } from './address.ts'
import { allHooksOf, hooksOf, type PlanArgs } from './ask-plan.ts'
import { orderHead, type SigningArgs } from './orders.ts'
import { wishOf } from './wish.ts'

interface Planned {
  fleetId: FleetId
  plan: RestorePlan
  sealedIdentity: string
  nowMs: number
}

/** What the operator signs: the wish, with what the plan has chosen for it. @throws LifeboatError CLI_USAGE */
export function orderOf(to: Addressed, args: PlanArgs & SigningArgs, planned: Planned): RestoreOrder {
  const { fleetId, plan, sealedIdentity, nowMs } = planned
  const { backupId } = plan.backup
  const targets = [plan.targetId, ...to.targets.filter((each) => each !== plan.targetId)]
  const head = orderHead(fleetId, to, hooksOf(args), args, nowMs)
  const copy = { ...head, backupId, targets, unproven: args.unproven === true, sealedIdentity }
  return to.is === 'files'
    ? { action: 'restore', ...copy, kind: 'files', hooks: allHooksOf(args) }
    : databaseOrder(copy, wishOf(args, to), plan)
}

function databaseOrder(
  copy: Omit<DatabaseOrder<'restore'>, 'action'>,
  { cluster, tables, newDatabase }: ReturnType<typeof wishOf>,
  plan: RestorePlan,
): RestoreOrder {
  if (newDatabase) return { action: 'restore', ...copy, kind: 'new database', newDatabase }
  if (tables)
    return { action: 'restore', ...copy, kind: 'tables', ...tables, ...promised(tables.goal, plan.tables?.wal) }
  if (!cluster) return { action: 'restore', ...copy }
  const { timeline, wal } = plan.cluster ?? {}
  const way = timeline === undefined ? {} : { timeline, ...promised(cluster.goal, wal && { timeline, end: wal.end }) }
  return { action: 'restore', ...copy, kind: 'cluster', ...cluster, ...way }
}

/** Whoever does not come to another goal is told so by PostgreSQL; that the end of the WAL was nearer nobody would notice. */
function promised(goal: Goal | undefined, wal: WalReach | undefined): { wal?: WalReach } {
  return goal?.to === 'latest' && wal ? { wal } : {}
}
