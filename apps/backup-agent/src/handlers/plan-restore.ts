import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import { RestorePlanned, type RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { AgentDeps } from '../deps.ts'
import { chooseCopy } from '../restore/choose-copy.ts'
import { planOf } from '../restore/plan.ts'
import { restorableSource } from '../restore/restorable.ts'

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
  const { restore, server, database } = restorableSource(cfg, wish.sourceId)
  const copy = await chooseCopy(wish, { cfg, restore, signal })
  await using room = await deps.restores.makeRoom()
  const run: Run = { id: wish.restoreId as string as RunId, signal, log, report() {} }
  const reader = {
    target: copy.target,
    run,
    identity: new Secret(''),
    workDir: room.path,
    toolPaths: cfg.toolPaths,
    tools: {},
    arrived() {},
  }
  const { sourceId, hooks } = wish
  const about = { cfg, restore, sourceId, database, server, drainMs: 0, hooks, key: 'later', clock } as const
  return (await planOf(reader, copy, about)).plan
}
