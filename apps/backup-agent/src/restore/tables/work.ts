import type { TablesOrder } from '@lifeboat/shared/domain/restore.ts'
import type { Command } from '../command.ts'
import type { Ending } from '../tell.ts'
import { releaseTables, revertTables } from './put-back.ts'
import { restoreTables } from './restore-tables.ts'

/** Who does what an order about tables says. */
export function tablesWork({ action }: TablesOrder): (command: Command) => Promise<Ending> {
  switch (action) {
    case 'restore':
      return restoreTables
    case 'revert':
      return revertTables
    case 'release':
      return releaseTables
  }
}
