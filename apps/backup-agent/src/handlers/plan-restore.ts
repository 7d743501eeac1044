import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import { RestorePlanned, type RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { createRun } from '@lifeboat/shared/run/create-run.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AgentDeps } from '../deps.ts'
import type { AskOptions } from '../restore/ask-targets.ts'
import { chooseDump } from '../restore/choose-copy.ts'
import { planClusterRestore } from '../restore/cluster/plan.ts'
import { chooseFiles } from '../restore/files/choose-files.ts'
import { planTree } from '../restore/files/plan.ts'
import { siteOf } from '../restore/files/site.ts'
import { planOf } from '../restore/plan.ts'
import { restorableSource } from '../restore/restorable.ts'
import { planTables } from '../restore/tables/plan.ts'
import { tellPlanning } from '../restore/tell-planning.ts'
import { whileReading } from '../restore/while-reading.ts'

/** The operator waits for a plan: a target that hangs is passed over where another one can help. */
const PATIENCE_MS = 60_000

/** Says what a restore would do. Nothing is touched and no key is needed, so anybody on the bus may ask. */
export function planRestore(deps: AgentDeps): Handler<RestorePlanRequested> {
  return async (wish, { signal }) => {
    const { restoreId, sourceId } = wish
    const told = await plan(deps, wish, signal).catch((thrown: unknown) => {
      signal.throwIfAborted()
      return LifeboatError.from(thrown)
    })
    const answer = told instanceof LifeboatError ? { error: reportOf(told) } : { plan: told }
    await deps.bus.publish(RestorePlanned, { restoreId, sourceId, ...answer })
  }
}

async function plan(deps: AgentDeps, wish: RestorePlanRequested, signal: AbortSignal): Promise<RestorePlan> {
  const { bus, clock, log } = deps
  using run = createRun({
    ...{ id: wish.restoreId as string as RunId, service: 'backup-agent', signals: [signal], log, bus, clock },
  })
  using telling = tellPlanning(run)
  const of = restorableSource(deps.cfg, wish.sourceId)
  return await whileReading({ deps, restore: of.restore, run, order: wish }, (reader) =>
    planWith(reader, { deps, of, wish, signal: run.signal, onWait: telling.onWait }),
  )
}

interface PlanWanted {
  deps: AgentDeps
  of: ReturnType<typeof restorableSource>
  wish: RestorePlanRequested
  signal: AbortSignal
  onWait: AskOptions['onWait']
}

async function planWith(
  reader: (target: Target) => Reader,
  { deps: { cfg, clock }, of, wish, signal, onWait }: PlanWanted,
): Promise<RestorePlan> {
  const { sourceId, restoreId, hooks, cluster, tables, newDatabase } = wish
  const key: 'later' | 'here' = wish.sealedIdentity === undefined ? 'later' : 'here'
  const by = { cfg, restore: of.restore, signal, patienceMs: PATIENCE_MS, onWait }
  const about = { cfg, sourceId, hooks, key, clock }
  if ('files' in of) {
    if (cluster || tables || newDatabase)
      throw new LifeboatError('RESTORE_WRONG_HOST', { sourceId, problem: 'the source is a tree of files' })
    const copy = await chooseFiles(wish, by)
    return planTree(reader(copy.target), copy, { ...about, of, site: await siteOf(of.files) })
  }
  const { backupId, targets, unproven } = wish
  const finding = { ...about, of, restoreId, backupId, targets, unproven, reader, patienceMs: PATIENCE_MS, onWait }
  if (tables) return (await planTables({ ...finding, wish: tables }, signal)).plan
  if (cluster) return (await planClusterRestore({ ...finding, wish: cluster }, signal)).plan
  const copy = await chooseDump({ ...wish, sourceId: newDatabase?.copiesOf ?? sourceId }, by)
  return (await planOf(reader(copy.target), copy, { ...about, of, drainMs: 0, newDatabase })).plan
}
