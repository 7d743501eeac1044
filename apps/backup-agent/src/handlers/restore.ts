import type { Delivery, Handler } from '@lifeboat/shared/bus/bus.ts'
import { type RestoreRequested, RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment, type RestoreId, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { createRun } from '@lifeboat/shared/run/create-run.ts'
import { openOrder } from '@lifeboat/shared/signing/orders.ts'
import type { AgentDeps } from '../deps.ts'
import { refusalOf } from '../restore/admit.ts'
import { startAgain } from '../restore/around-swap.ts'
import type { Entry } from '../restore/book.ts'
import { bringBack } from '../restore/bring-back.ts'
import { clusterWork } from '../restore/cluster/cluster-work.ts'
import type { AnyCommand, Command } from '../restore/command.ts'
import { filesWork } from '../restore/files/files-work.ts'
import { release, revert } from '../restore/put-back.ts'
import { restorableNames, restorableSource, type Subject, subjectOf } from '../restore/restorable.ts'
import { tablesWork } from '../restore/tables/work.ts'
import { audit, auditEnd, type Ending, settle } from '../restore/tell.ts'

const DATABASE_WORK = { restore: bringBack, revert, release } as const

function workOn(of: ReturnType<typeof restorableSource>, order: RestoreOrder, command: AnyCommand): Promise<Ending> {
  if ('files' in of) return filesWork({ ...command, files: of.files })
  if (order.kind === 'files') throw new LifeboatError('INTERNAL', { message: 'this is no tree of files' })
  return databaseWork(order)({ ...command, ...of })
}

function databaseWork(order: Exclude<RestoreOrder, { kind: 'files' }>): (command: Command) => Promise<Ending> {
  if (order.kind === 'cluster') return clusterWork(order)
  return order.kind === 'tables' ? tablesWork(order) : DATABASE_WORK[order.action]
}

/**
 * Obeys a command of operators, once, however often it comes and however often the agent dies in between. What is not signed by enough of the
 * operators in this agent's own configuration, for this agent and for now, is refused aloud and becomes a dead letter, whoever owns the bus.
 */
export function restoreOnCommand(deps: AgentDeps): Handler<RestoreRequested> {
  const underWay = new Map<RestoreId, Promise<void>>()
  return async (wish, delivery) => {
    const same = underWay.get(wish.restoreId)
    if (same !== undefined && delivery.attempt > 1) return same
    const { order, entry } = await admit(deps, wish, delivery, underWay)
    if (entry.settled) return tellAgain(deps, order, entry.who, entry.settled)
    const work = obey(deps, order, entry, delivery).finally(() => underWay.delete(entry.restoreId))
    underWay.set(entry.restoreId, work)
    return work
  }
}

async function admit(
  deps: AgentDeps,
  wish: RestoreRequested,
  delivery: Delivery,
  underWay: ReadonlyMap<RestoreId, unknown>,
): Promise<{ order: RestoreOrder; entry: Entry }> {
  const { cfg, clock, restores } = deps
  let opened: Awaited<ReturnType<typeof openOrder>> | undefined
  try {
    if (!cfg.restore) throw new LifeboatError('RESTORE_NOT_SET_UP', { agentId: cfg.agentId })
    opened = await openOrder(wish.order, cfg.restore.operators, cfg.restore.signatures)
    const { order, who } = opened
    if (order.restoreId !== wish.restoreId) throw new LifeboatError('RESTORE_ALTERED', { restoreId: wish.restoreId })
    const known = restores.byNonce(order.nonce) ?? restores.byId(order.restoreId)
    // The same delivery once more, after a crash or a lost acknowledgement; whoever sends it anew makes a first delivery.
    if (known?.restoreId === order.restoreId && delivery.attempt > 1) {
      // It may have died before the audit had it.
      if (known.stage === 'accepted')
        await audit(deps, 'accepted', { restoreId: order.restoreId, who, order, ...subjectIn(cfg, order) })
      return { order, entry: known }
    }
    const { fleetId, agentId } = cfg
    const hooks = new Set(Object.keys(cfg.restore.hooks))
    const gate = { fleetId, agentId, restorable: restorableNames(cfg), hooks, used: known !== undefined }
    const refusal = refusalOf(order, { ...gate, nowMs: clock.now() })
    if (refusal) throw refusal
    demandNoOther(deps, order, underWay)
    const entry: Entry = {
      restoreId: order.restoreId,
      sourceId: order.sourceId,
      nonce: order.nonce,
      who,
      stage: 'accepted',
    }
    const subject = subjectIn(cfg, order)
    await restores.write(entry)
    await audit(deps, 'accepted', { restoreId: order.restoreId, who, order, ...subject })
    return { order, entry }
  } catch (thrown) {
    const error = LifeboatError.from(thrown)
    if (error.retry !== 'never') throw error
    const { restoreId } = wish
    await audit(deps, 'refused', { restoreId, who: opened?.who ?? [], order: opened?.order }, { error })
    // Whoever sends a command once more, or another one under its id, does not speak for the one that is under way.
    const known = restores.byId(restoreId)
    if (known === undefined || known.stage === 'settled')
      await deps.bus.publish(RestoreSettled, {
        ...{ restoreId, agentId: cfg.agentId, outcome: 'refused', swapped: false, at: moment(clock.now()) },
        error: reportOf(error),
      })
    throw error
  }
}

/** One that was cancelled and that nobody delivers any more does not stand in the way. */
function demandNoOther(
  { restores, cancels }: AgentDeps,
  { sourceId }: RestoreOrder,
  underWay: ReadonlyMap<RestoreId, unknown>,
): void {
  const [other] = restores.open(sourceId).filter(({ restoreId }) => {
    using cancelled = cancels.of(restoreId as string as RunId)
    return underWay.has(restoreId) || !cancelled.signal.aborted
  })
  if (other) throw new LifeboatError('RESTORE_UNDER_WAY', { sourceId, restoreId: other.restoreId, stage: other.stage })
}

async function obey(deps: AgentDeps, order: RestoreOrder, first: Entry, delivery: Delivery): Promise<void> {
  const { cfg, bus, clock, cancels, lease } = deps
  const { restoreId, sourceId } = order
  const runId = restoreId as string as RunId
  const log = deps.log.child({ runId, sourceId })
  using cancelled = cancels.of(runId)
  const signals = [delivery.signal, lease.lost, cancelled.signal]
  using run = createRun({ id: runId, service: 'backup-agent', signals, log, bus, clock })
  let entry = first
  const of = restorableSource(cfg, sourceId)
  const command: AnyCommand = {
    ...{ deps, order, run, cancelled: cancelled.signal, restore: of.restore },
    entry: () => entry,
    async step(stage, more = {}) {
      entry = { ...entry, ...more, stage }
      await deps.restores.write(entry)
      log.info({ event: 'restore.stage', stage }, 'a command has come further')
    },
    report(phase) {
      log.info({ event: 'restore.phase', phase }, 'a phase of a command begins')
      run.report({ phase, done: 0, unit: 'checks' })
    },
  }
  let ending: Ending
  try {
    ending = await workOn(of, order, command)
  } catch (thrown) {
    const error = LifeboatError.from(thrown)
    // Behind the swap the next delivery goes on; where there will be none, the command ends here, or it would never be settled.
    if (entry.stage === 'swapped' && error.retry !== 'never') throw error
    // Nobody could be asked whether it was swapped; the next delivery asks again.
    if (entry.stage === 'swapping')
      throw new LifeboatError('RESTORE_SWAP_UNKNOWN', { restoreId, problem: error.code }, { cause: error })
    // A deploy, or another host with our name: whoever gets the command next goes on.
    const swapped = entry.stage === 'swapped'
    if (!cancelled.signal.aborted && (delivery.signal.aborted || lease.lost.aborted))
      throw LifeboatError.from(run.signal.reason)
    await startAgain(command)
    const refused = error.code === 'RECOVERY_UNDER_WAY'
    const outcome = cancelled.signal.aborted && !swapped ? 'cancelled' : refused ? 'refused' : 'failed'
    ending = { outcome, swapped, ...(swapped && entry.aside !== undefined && { aside: entry.aside }), error }
  }
  await settle(deps, entry, { order, ...subjectOf(of) }, ending)
}

/** Both are stored once, however often they are told. */
async function tellAgain(deps: AgentDeps, order: RestoreOrder, who: string[], settled: RestoreSettled): Promise<void> {
  await auditEnd(deps, { order, who, ...subjectIn(deps.cfg, order) }, settled)
  await deps.bus.publish(RestoreSettled, settled)
}

function subjectIn(cfg: AgentDeps['cfg'], { sourceId }: RestoreOrder): Subject {
  return subjectOf(restorableSource(cfg, sourceId))
}
