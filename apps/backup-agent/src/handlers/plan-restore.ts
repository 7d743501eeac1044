import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import { RestorePlanned, type RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AgentDeps } from '../deps.ts'
import { chooseDump } from '../restore/choose-copy.ts'
import { planClusterRestore } from '../restore/cluster/plan.ts'
import { chooseFiles } from '../restore/files/choose-files.ts'
import { planTree } from '../restore/files/plan.ts'
import { siteOf } from '../restore/files/site.ts'
import { openIdentity } from '../restore/open-identity.ts'
import { planOf } from '../restore/plan.ts'
import { restorableSource } from '../restore/restorable.ts'
import { planTables } from '../restore/tables/plan.ts'

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
  const { cfg, clock, log } = deps
  const { sourceId, restoreId, hooks, cluster, tables, sealedIdentity } = wish
  const of = restorableSource(cfg, sourceId)
  await using room = await deps.restores.makeRoom()
  const run: Run = { id: restoreId as string as RunId, signal, log, report() {} }
  const { toolPaths } = cfg
  const identity =
    sealedIdentity === undefined
      ? new Secret('')
      : await openIdentity(sealedIdentity, of.restore.identity, { toolPaths, run })
  const reader = (target: Target) => ({
    ...{ target, run, identity, workDir: room.path, toolPaths, tools: {}, arrived() {} },
  })
  const key: 'later' | 'here' = sealedIdentity === undefined ? 'later' : 'here'
  if ('files' in of) {
    if (cluster || tables)
      throw new LifeboatError('RESTORE_WRONG_HOST', { sourceId, problem: 'the source is a tree of files' })
    const copy = await chooseFiles(wish, { cfg, restore: of.restore, signal })
    const site = await siteOf(of.files)
    return planTree(reader(copy.target), copy, { cfg, of, sourceId, site, hooks, key, clock })
  }
  const { backupId, targets, unproven } = wish
  const copies = { backupId, targets, unproven, hooks, reader, key }
  if (tables) return (await planTables({ cfg, of, restoreId, sourceId, wish: tables, clock, ...copies }, signal)).plan
  if (cluster) {
    const about = { cfg, of, restoreId, sourceId, wish: cluster, clock, ...copies } as const
    return (await planClusterRestore(about, signal)).plan
  }
  const { restore, server, database } = of
  const copy = await chooseDump(wish, { cfg, restore, signal })
  const about = { cfg, restore, sourceId, database, server, drainMs: 0, hooks, key, clock } as const
  return (await planOf(reader(copy.target), copy, about)).plan
}
