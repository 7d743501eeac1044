import type { ClusterOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Command } from '../command.ts'
import type { Ending } from '../tell.ts'
import { releaseBeside, restoreBeside } from './beside.ts'
import { moveBeside, promoteBeside } from './further.ts'
import { releaseInPlace, restoreInPlace, revertInPlace } from './in-place.ts'
import { promoteInPlace } from './promote-in-place.ts'
import { standsBeside } from './site.ts'

/** Who does what an order about a cluster says. */
export function clusterWork(order: ClusterOrder): (command: Command) => Promise<Ending> {
  switch (order.action) {
    case 'restore':
      return standsBeside(order) ? restoreBeside : restoreInPlace
    case 'move':
      return moveBeside
    case 'promote':
      return order.place === 'in place' ? promoteInPlace : promoteBeside
    case 'revert':
      return revertInPlace
    case 'release':
      return order.place === 'beside' ? releaseBeside : releaseInPlace
  }
}
