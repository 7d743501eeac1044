import { findPostgresTools, type PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import type { ClusterOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AgentDeps } from '../../deps.ts'
import type { Command } from '../command.ts'

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

export function serverTools({ deps }: { deps: Pick<AgentDeps, 'cfg'> }, major: number): Promise<PostgresTools> {
  return findPostgresTools(major, ['postgres', 'pg_controldata'], { toolPaths: deps.cfg.toolPaths })
}
