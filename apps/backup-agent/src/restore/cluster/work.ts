import { findPostgresTools, type PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { ClusterOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { AgentDeps } from '../../deps.ts'
import type { Command } from '../command.ts'
import { openIdentity } from '../open-identity.ts'

/** A command about a cluster that reads copies. */
export type Reading = Command & { order: ClusterOrder<'restore' | 'move' | 'promote'> }

/** @throws LifeboatError INTERNAL – it was given to the wrong handler */
export function demandAction<A extends ClusterOrder['action']>(
  command: Command,
  action: A,
): Command & { order: ClusterOrder<A> } {
  const { order } = command
  if (order.kind === 'cluster' && order.action === action) return command as Command & { order: ClusterOrder<A> }
  throw new LifeboatError('INTERNAL', { message: `this is no ${action} of a cluster` })
}

/** Opens what is needed to read copies; the identity lives as long as `work` runs. */
export async function whileReading<T>(
  { deps, order, restore, run }: Command & { order: { sealedIdentity: string } },
  work: (reader: (target: Target) => Reader) => Promise<T>,
): Promise<T> {
  const { toolPaths } = deps.cfg
  await using room = await deps.restores.makeRoom()
  const identity: Secret = await openIdentity(order.sealedIdentity, restore.identity, { toolPaths, run })
  return await work((target) => ({ target, run, identity, workDir: room.path, toolPaths, tools: {}, arrived() {} }))
}

export function serverTools({ deps }: { deps: Pick<AgentDeps, 'cfg'> }, major: number): Promise<PostgresTools> {
  return findPostgresTools(major, ['postgres', 'pg_controldata'], { toolPaths: deps.cfg.toolPaths })
}
