import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AnyCommand } from '../command.ts'
import type { Ending } from '../tell.ts'
import { releaseTree, revertTree } from './put-back.ts'
import { restoreTree } from './restore-tree.ts'

/** Does what an order about a tree of files says. */
export function filesWork({ order, ...command }: AnyCommand & { files: FilesSourceConfig }): Promise<Ending> {
  if (order.kind !== 'files') throw new LifeboatError('INTERNAL', { message: 'this order is about no tree of files' })
  switch (order.action) {
    case 'restore':
      return restoreTree({ ...command, order })
    case 'revert':
      return revertTree({ ...command, order })
    case 'release':
      return releaseTree({ ...command, order })
  }
}
