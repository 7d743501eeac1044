import type { FilesOrder } from '@lifeboat/shared/domain/restore.ts'
import type { FilesCommand } from '../command.ts'
import type { Ending } from '../tell.ts'
import { releaseTree, revertTree } from './put-back.ts'
import { restoreTree } from './restore-tree.ts'

/** Does what an order about a tree of files says. */
export function filesWork({ order, ...command }: FilesCommand & { order: FilesOrder }): Promise<Ending> {
  switch (order.action) {
    case 'restore':
      return restoreTree({ ...command, order })
    case 'revert':
      return revertTree({ ...command, order })
    case 'release':
      return releaseTree({ ...command, order })
  }
}
