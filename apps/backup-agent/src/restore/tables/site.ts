import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { OneTransaction } from '@lifeboat/recovery/tables/one-transaction.ts'
import type { TablesOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../command.ts'
import type { Restorable } from '../restorable.ts'

/** @throws LifeboatError INTERNAL – it was given to the wrong handler */
export function demandTables<A extends TablesOrder['action']>(
  command: Command,
  action: A,
): Command & { order: TablesOrder<A> } {
  const { order } = command
  if (order.kind === 'tables' && order.action === action) return command as Command & { order: TablesOrder<A> }
  throw new LifeboatError('INTERNAL', { message: `this is no ${action} of tables` })
}

/** The database everybody uses, as the superuser. */
export function liveDatabase({ server, database }: Pick<Restorable, 'server' | 'database'>): SourceConnection {
  return { ...server, database }
}

/** The transaction in which a command about tables does all it does. */
export function transactionOf(command: Command & { order: TablesOrder }, signal: AbortSignal): OneTransaction {
  const { order, run, report } = command
  return {
    ...{ connection: liveDatabase(command), restoreId: order.restoreId, signal },
    ...{ tables: order.tables, patienceMs: order.drainMs },
    onBusy({ facts }) {
      report('wait for locks')
      run.log.warn({ event: 'restore.busy', ...facts }, 'tables that are to be restored are in use; trying again')
    },
  }
}
