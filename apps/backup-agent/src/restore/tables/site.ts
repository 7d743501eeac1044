import { connectSource, type SourceClient, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { besideName } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { type Kept, keptOf } from '@lifeboat/recovery/tables/kept.ts'
import {
  afterTransaction,
  inOneTransaction,
  type OneTransaction,
  TABLES_SESSION,
} from '@lifeboat/recovery/tables/one-transaction.ts'
import type { TablesOrder } from '@lifeboat/shared/domain/restore.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Entry } from '../book.ts'
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

/** Into which the definitions and the rows of a dump are restored meanwhile. */
export function scratchName({ order, database }: Pick<Command, 'order' | 'database'>): string {
  return besideName(database, 'restoring', order.restoreId.slice(-6))
}

/** What restores have kept of these tables. @throws LifeboatError SOURCE_… */
export async function lookAtKept(command: Command, tables: readonly TableRef[]): Promise<Kept[]> {
  await using client = await connectSource(liveDatabase(command), TABLES_SESSION)
  return await keptOf(client, tables)
}

/** Asks what became of the transaction of a command, behind its end. @throws LifeboatError SOURCE_… */
export function afterwards(
  command: Command & { order: TablesOrder },
  ask: (client: SourceClient) => Promise<boolean>,
): Promise<boolean> {
  return afterTransaction({ connection: liveDatabase(command), restoreId: command.order.restoreId }, ask)
}

/**
 * Does all a command does without stopping anything. Where nobody heard of the end the server is asked, and where that does not answer the stage says so to whoever
 * gets the command next.
 *
 * @throws LifeboatError – nothing has changed, unless the stage is `swapping`
 */
export async function atOnce(
  command: Command & { order: TablesOrder },
  work: (client: SourceClient) => Promise<void>,
  landed: () => Promise<boolean>,
  noted: Pick<Entry, 'dropping'> = {},
): Promise<void> {
  await command.step('swapping', noted)
  try {
    await inOneTransaction(transactionOf(command, command.cancelled), work)
  } catch (thrown) {
    if (await landed()) return
    await command.step('ready')
    throw thrown
  }
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
