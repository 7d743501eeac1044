import type { ClusterOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Command } from '../command.ts'
import type { Ending } from '../tell.ts'
import { releaseBeside, restoreBeside } from './beside.ts'
import { moveBeside, promoteBeside } from './further.ts'
import { releaseInPlace, restoreInPlace, revertInPlace } from './in-place.ts'

/** Who does what an order about a cluster says. */
export function clusterWork(order: ClusterOrder): (command: Command) => Promise<Ending> {
  switch (order.action) {
    case 'restore':
      return order.place === 'beside' ? restoreBeside : restoreInPlace
    case 'move':
      return moveBeside
    case 'promote':
      return promoteBeside
    case 'revert':
      return revertInPlace
    case 'release':
      return order.place === 'beside' ? releaseBeside : releaseInPlace
  }
}
