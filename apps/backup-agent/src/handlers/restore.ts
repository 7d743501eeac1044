import type { Delivery, Handler } from '@lifeboat/shared/bus/bus.ts'
import { type RestoreRequested, RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import { moment, type RestoreId, type RunId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { createRun } from '@lifeboat/shared/run/create-run.ts'
import { firstToFire } from '@lifeboat/shared/run/first-to-fire.ts'
import { openOrder } from '@lifeboat/shared/signing/orders.ts'
import type { AgentDeps } from '../deps.ts'
import { refusalOf } from '../restore/admit.ts'
import { startAgain } from '../restore/around-swap.ts'
import { awaitUploader } from '../restore/await-uploader.ts'
import type { Entry } from '../restore/book.ts'
import { bringBack } from '../restore/bring-back.ts'
import { clusterWork } from '../restore/cluster/cluster-work.ts'
import type { AnyCommand, Command } from '../restore/command.ts'
import { filesWork } from '../restore/files/files-work.ts'
import { unfitHooks } from '../restore/hook-account.ts'
import { leftByChange } from '../restore/left-by-change.ts'
import { outlastLeftHook } from '../restore/left-hook.ts'
import { newDatabaseWork } from '../restore/new-database.ts'
import { withFreeBytes } from '../restore/on-disks.ts'
import { release, revert } from '../restore/put-back.ts'
import { demandRestore, restorableNames, restorableSource, subjectIn } from '../restore/restorable.ts'
import { tablesWork } from '../restore/tables/work.ts'
import { audit, auditEnd, type Ending, settle } from '../restore/tell.ts'

/** Longer than anybody waits for a plan, so that the target of the plan has answered by then unless it hangs. */
const PATIENCE_MS = 300_000

const DATABASE_WORK = { restore: bringBack, revert, release } as const

/** @throws LifeboatError RESTORE_SOURCE_CHANGED – the source is not what it was when the command was accepted */
async function workOn(
  of: ReturnType<typeof restorableSource>,
  order: RestoreOrder,
  command: AnyCommand,
): Promise<Ending> {
  if ('files' in of && order.kind === 'files') return filesWork({ ...command, order, files: of.files })
  if ('source' in of && order.kind !== 'files') return databaseWork(order)({ ...command, ...of })
  throw await leftByChange(command)
}

function databaseWork(order: Exclude<RestoreOrder, { kind: 'files' }>): (command: Command) => Promise<Ending> {
  if (order.kind === 'cluster') return clusterWork(order)
  if (order.kind === 'new database') return newDatabaseWork(order)
  return order.kind === 'tables' ? tablesWork(order) : DATABASE_WORK[order.action]
}

/**
 * Obeys a command of operators, once, however often it comes and however often the agent dies in between. What is not signed by enough of the
 * operators in this agent's own configuration, for this agent and for now, is refused aloud and becomes a dead letter, whoever owns the bus.
 *
 * @param patienceMs for how long one target may keep a command from another that can help
 */
export function restoreOnCommand(deps: AgentDeps, patienceMs = PATIENCE_MS): Handler<RestoreRequested> {
  const underWay = new Map<RestoreId, Promise<void>>()
  return async (wish, delivery) => {
    const same = underWay.get(wish.restoreId)
    if (same !== undefined && isSame(delivery, deps.restores.byId(wish.restoreId))) return same
    const { order, entry } = await admit(deps, wish, delivery, underWay)
    if (entry.settled) return tellAgain(deps, order, entry.who, entry.settled)
    const work = obey(deps, { order, first: entry, delivery, patienceMs }).finally(() =>
      underWay.delete(entry.restoreId),
    )
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
    const restore = demandRestore(cfg)
    opened = await openOrder(wish.order, restore.operators, restore.signatures)
    const { order, who } = opened
    if (order.restoreId !== wish.restoreId) throw new LifeboatError('RESTORE_ALTERED', { restoreId: wish.restoreId })
    const known = restores.byNonce(order.nonce) ?? restores.byId(order.restoreId)
    if (known?.restoreId === order.restoreId && isSame(delivery, known)) {
      // It may have died before the audit had it.
      if (known.stage === 'accepted') await audit(deps, 'accepted', aboutOf(cfg, order, who))
      return { order, entry: known }
    }
    const { fleetId, agentId } = cfg
    const hooks = new Set(Object.keys(restore.hooks))
    const gate = { fleetId, agentId, restorable: restorableNames(cfg), hooks, unfitHooks: unfitHooks(restore) }
    const refusal = refusalOf(order, { ...gate, used: known !== undefined, nowMs: clock.now() })
    if (refusal) throw refusal
    demandNoOther(deps, order, underWay)
    const entry: Entry = {
      restoreId: order.restoreId,
      sourceId: order.sourceId,
      nonce: order.nonce,
      publishedAt: delivery.publishedAt,
      who,
      stage: 'accepted',
    }
    await restores.write(entry)
    await audit(deps, 'accepted', aboutOf(cfg, order, who))
    return { order, entry }
  } catch (thrown) {
    const error = LifeboatError.from(thrown)
    if (error.retry !== 'never') throw error
    const { restoreId } = wish
    const known = restores.byId(restoreId)
    if (known && known.stage !== 'settled' && isSame(delivery, known)) {
      await endAccepted(deps, known, opened?.order, error)
      throw error
    }
    await audit(deps, 'refused', { restoreId, who: opened?.who ?? [], order: opened?.order }, { error })
    // Whoever sends a command once more, or another one under its id, does not speak for the one that is under way.
    if (known === undefined || known.stage === 'settled')
      await deps.bus.publish(RestoreSettled, {
        ...{ restoreId, agentId: cfg.agentId, outcome: 'refused', swapped: false, at: moment(clock.now()) },
        error: reportOf(error),
      })
    throw error
  }
}

/**
 * Whether it is the message that was accepted, once more, after a crash or a lost acknowledgement; whoever sends a command anew makes another message of it. A server that lost its power may have
 * forgotten its deliveries, and counts them from one again.
 */
function isSame({ attempt, publishedAt }: Delivery, known: Entry | undefined): boolean {
  return attempt > 1 || known?.publishedAt === publishedAt
}

/**
 * Ends a command that an earlier life of the agent accepted and this one may not obey: nobody would hear of it again.
 *
 * @throws LifeboatError RESTORE_HALF_WAY – it has stopped a service, and whoever may obey it again has to go on
 */
async function endAccepted(
  deps: AgentDeps,
  known: Entry,
  order: RestoreOrder | undefined,
  error: LifeboatError,
): Promise<void> {
  const { restoreId, sourceId, stage, stopped } = known
  if (stopped || stage === 'swapping')
    throw new LifeboatError('RESTORE_HALF_WAY', { restoreId, sourceId, stage, problem: error.code }, { cause: error })
  const ending: Ending = { outcome: 'failed', swapped: hasReplaced(known, order), error }
  await settle(deps, known, { order, ...subjectIn(deps.cfg, sourceId) }, ending)
}

/** Whether something else is in the place of what was there. */
function hasReplaced({ stage }: Entry, order: RestoreOrder | undefined): boolean {
  return stage === 'swapped' && order?.kind !== 'new database'
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

interface Obeying {
  order: RestoreOrder
  first: Entry
  delivery: Delivery
  patienceMs: number
}

async function obey(deps: AgentDeps, { order, first, delivery, patienceMs }: Obeying): Promise<void> {
  const { cfg, bus, clock, cancels, lease } = deps
  const { restoreId, sourceId } = order
  const runId = restoreId as string as RunId
  const log = deps.log.child({ runId, sourceId })
  using cancelled = cancels.of(runId)
  using leaving = firstToFire([delivery.signal, lease.lost])
  const signals = [delivery.signal, lease.lost, cancelled.signal]
  using run = createRun({ id: runId, service: 'backup-agent', signals, log, bus, clock })
  let entry = first
  const command: AnyCommand = {
    ...{
      deps,
      order,
      run,
      cancelled: cancelled.signal,
      leaving: leaving.signal,
      restore: demandRestore(cfg),
      patienceMs,
      awaiting: awaitUploader(run),
    },
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
    await outlastLeftHook(command)
    ending = await workOn(restorableSource(cfg, sourceId), order, command)
  } catch (thrown) {
    const error = LifeboatError.from(thrown)
    // Behind the swap the next delivery goes on; where there will be none, the command ends here, or it would never be settled.
    if (entry.stage === 'swapped' && error.retry !== 'never') throw error
    // Nobody could be asked whether it was swapped; the next delivery asks again.
    if (entry.stage === 'swapping')
      throw new LifeboatError('RESTORE_SWAP_UNKNOWN', { restoreId, problem: error.code }, { cause: error })
    // Also where somebody else goes on with the command: nobody knows when.
    await startAgain(command)
    // A deploy, or another host with our name: whoever gets the command next goes on.
    if (!cancelled.signal.aborted && leaving.signal.aborted) throw LifeboatError.from(run.signal.reason)
    const swapped = hasReplaced(entry, order)
    const outcome = cancelled.signal.aborted && entry.stage !== 'swapped' ? 'cancelled' : 'failed'
    const cancel = outcome === 'cancelled' ? LifeboatError.from(cancelled.signal.reason) : undefined
    const aside = swapped && entry.aside !== undefined && { aside: entry.aside }
    // What a cancel cut off says of itself that it broke.
    ending = {
      outcome,
      swapped,
      ...aside,
      ...(cancel && saidBy(cancel)),
      error: cancel ?? (await withFreeBytes(error)),
    }
  }
  await settle(deps, entry, { order, ...subjectIn(cfg, sourceId) }, ending)
}

/** Who asked for the end, and why, as the cancel has it. */
function saidBy({ facts: { by, reason } }: LifeboatError): Pick<Ending, 'cancelledBy' | 'cancelReason'> {
  return {
    ...(by !== undefined && { cancelledBy: String(by) }),
    ...(reason !== undefined && { cancelReason: String(reason) }),
  }
}

/** Both are stored once, however often they are told. */
async function tellAgain(deps: AgentDeps, order: RestoreOrder, who: string[], settled: RestoreSettled): Promise<void> {
  await auditEnd(deps, aboutOf(deps.cfg, order, who), settled)
  await deps.bus.publish(RestoreSettled, settled)
}

function aboutOf(cfg: AgentDeps['cfg'], order: RestoreOrder, who: string[]) {
  const { restoreId, sourceId } = order
  return { restoreId, who, order, ...subjectIn(cfg, sourceId) }
}
