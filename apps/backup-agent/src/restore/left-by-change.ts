import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { besideFolder, waitingFolder } from './cluster/site.ts'
import type { AnyCommand } from './command.ts'
import { removeUnswapped } from './files/remove-unswapped.ts'
import { clusterFolder } from './tables/find-cluster.ts'

/**
 * Why a command about a source that is of another kind by now comes to nothing. The book knows where a tree was put together, and it is removed; the server and the data
 * directory of a database stood in the configuration alone, and a cluster beside may be one that somebody looks at.
 */
export async function leftByChange(command: AnyCommand): Promise<LifeboatError> {
  const { order, entry } = command
  const [was, is] = order.kind === 'files' ? ['files', 'database'] : ['database', 'files']
  if (order.kind === 'files' && order.action === 'restore') await removeUnswapped(entry())
  const left = leftOf(command)
  return new LifeboatError('RESTORE_SOURCE_CHANGED', {
    ...{ sourceId: order.sourceId, was, is, stage: entry().stage },
    ...(left.length > 0 && { left }),
  })
}

/** Names of databases, schemas and folders as they end, or a whole path where that is known. */
function leftOf({ order, restore }: AnyCommand): string[] {
  if (order.action !== 'restore' || order.kind === 'files') return []
  const { sourceId } = order
  // Without it there was no such folder, or nobody can say any more where.
  const hasClusters = restore.clusters !== undefined
  if (order.kind === 'cluster' && order.place === 'beside')
    return hasClusters ? [besideFolder({ restore }, sourceId)] : []
  if (order.kind === 'cluster' && order.pause) return [waitingFolder('…')]
  const begun = `…_restoring_${order.restoreId.slice(-6)}`
  const isOutOfCluster = order.kind === 'tables' && order.goal !== undefined
  return isOutOfCluster && hasClusters ? [begun, clusterFolder({ restore }, sourceId)] : [begun]
}
