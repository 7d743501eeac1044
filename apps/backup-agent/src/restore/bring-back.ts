import { besideName, databaseNames, dropBeside } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { asideName } from '@lifeboat/recovery/swap/aside-names.ts'
import { holdDatabase } from '@lifeboat/recovery/swap/hold-database.ts'
import { swapDatabases } from '@lifeboat/recovery/swap/swap-databases.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { aroundSwap } from './around-swap.ts'
import type { Entry } from './book.ts'
import type { Command } from './command.ts'
import { restoreDump } from './restore-dump.ts'
import type { Ending } from './tell.ts'

/**
 * Restores a dump beside the present database, compares it, and puts it in its place; the present one is kept.
 *
 * May be called again after the agent died: what was restored and compared stays so, and what was swapped is not swapped again. Until the swap
 * production is untouched and any error leaves nothing; after it the ending says what is still wrong.
 *
 * @throws LifeboatError – nothing has changed
 */
export async function bringBack(command: Command): Promise<Ending> {
  const { server, database, entry, order, report } = command
  if (order.action !== 'restore' || order.kind === 'cluster' || order.kind === 'tables' || order.kind === 'files')
    throw new LifeboatError('INTERNAL', { message: 'this is no restore' })
  await using _held = await holdDatabase(server, database)
  const next = besideName(database, 'restoring', order.restoreId.slice(-6))
  const before = await databaseNames(server)
  if (isSwapped(entry(), { before, next, database })) return await aroundSwap(command, { done: true, swap: undefined })
  try {
    const counted = before.has(next) && entry().stage !== 'accepted' ? {} : await restoreDump(command, order, next)
    await command.step('ready')
    // Named for the time at which it is put aside, hours later perhaps: a release lets go of what was there when it was signed.
    const isThere = (await databaseNames(server)).has(database)
    const aside = isThere ? asideName(database, 'before', command.deps.clock.now()) : undefined
    return {
      ...counted,
      ...(await aroundSwap(command, {
        ...{ done: false, aside },
        swap: async (run) => {
          report('swap')
          return swapDatabases(server, { live: database, next, aside, drainMs: order.drainMs }, run)
        },
        happened: async () => isSwapped(entry(), { before: await databaseNames(server), next, database }),
      })),
    }
  } catch (thrown) {
    // After a deploy the next delivery goes on with it, and where nobody knows whether it was swapped it may be production.
    const isOver = command.cancelled.aborted || !command.run.signal.aborted
    if (isOver && entry().stage !== 'swapping') await dropBeside(server, next)
    throw thrown
  }
}

/** Whether an earlier life of the agent came through the renaming: it did both in one transaction. */
function isSwapped(
  { stage, aside }: Entry,
  { before, next, database }: { before: ReadonlySet<string>; next: string; database: string },
): boolean {
  if (stage === 'swapped') return true
  return stage === 'swapping' && !before.has(next) && before.has(aside ?? database)
}
