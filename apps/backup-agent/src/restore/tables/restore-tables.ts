import { quoteIdent } from '@lifeboat/postgres/sql-text.ts'
import { dropBeside } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { asideName } from '@lifeboat/recovery/swap/aside-names.ts'
import { holdDatabase } from '@lifeboat/recovery/swap/hold-database.ts'
import { areKept, asideTime, keptOf, titlesOf } from '@lifeboat/recovery/tables/kept.ts'
import { inOneTransaction } from '@lifeboat/recovery/tables/one-transaction.ts'
import { putIn } from '@lifeboat/recovery/tables/put-in.ts'
import { forwardSequences } from '@lifeboat/recovery/tables/sequences.ts'
import { dropStaging, isThere, stagingSchema } from '@lifeboat/recovery/tables/staging.ts'
import type { TablesOrder } from '@lifeboat/shared/domain/restore.ts'
import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { aroundSwap, beginAnew } from '../around-swap.ts'
import type { Command } from '../command.ts'
import type { Ending } from '../tell.ts'
import { removeStaging } from './remove-staging.ts'
import { afterwards, atOnce, demandTables, lookAtKept, scratchName, transactionOf } from './site.ts'
import { type OnStage, stageTables } from './stage.ts'

interface Site {
  command: Command & { order: TablesOrder<'restore'> }
  /** Where rows are loaded; it goes with the transaction that puts them in. */
  staging: string
  landed(): Promise<boolean>
}

/**
 * Brings rows of tables back: beside the present ones, checked and compared, then into their place in one transaction.
 *
 * May be called again after the agent died: what did not come to the end of its transaction is loaded anew, what did is not done again. Until that end the tables are
 * untouched and any error leaves nothing; after it the ending says what is still wrong.
 *
 * @throws LifeboatError – nothing has changed
 */
export async function restoreTables(given: Command): Promise<Ending> {
  const command = demandTables(given, 'restore')
  const { order, entry, server, database, run } = command
  await using _held = await holdDatabase(server, database)
  const staging = stagingSchema(order.restoreId)
  const { into } = order
  const landed = () =>
    afterwards(command, async (client) => {
      if (await isThere(client, staging)) return false
      // Any other restore of this database may have removed what was loaded.
      if (into.how === 'beside') return isThere(client, into.schema)
      return areKept(await keptOf(client, order.tables), entry().aside ?? '')
    })
  const site = { command, staging, landed }
  const { stage } = entry()
  if (stage === 'swapped' || (stage === 'swapping' && (await landed())))
    return await (into.how === 'beside'
      ? loadedBeside(command, into)
      : aroundSwap(command, { done: true, swap: undefined }))
  try {
    await beginAnew(command)
    const ready = await stageTables(command, staging)
    await command.step('ready')
    const ending = await (into.how === 'beside' ? giveSchema(site, into) : giveRows(site, ready, into.how))
    const rows = ready.staged.reduce((sum, { table }) => sum + table.rows, 0)
    return { tables: ready.staged.length, rows, diffs: ready.diffs, extent: ready.extent, ...ending }
  } catch (thrown) {
    // After a deploy the next delivery begins anew, and where nobody knows whether it landed the schema is what tells.
    const isOver = command.cancelled.aborted || !run.signal.aborted
    if (isOver && entry().stage !== 'swapping') await leaveNothing(site)
    throw thrown
  }
}

async function giveRows({ command, staging, landed }: Site, { staged, sequences }: OnStage, how: 'merge' | 'replace') {
  const now = asideTime(await lookAtKept(command, command.order.tables), command.deps.clock.now())
  const tables = staged.map((each) => ({ staged: each, aside: asideName(each.table.name, 'before', now) }))
  const kept = tables.map(({ staged: { table }, aside }) => ({ schema: table.schema ?? 'public', name: aside }))
  return aroundSwap(command, {
    ...{ done: false, aside: titlesOf(kept) },
    swap: async ({ signal }) => {
      command.report('swap')
      await inOneTransaction(transactionOf(command, signal), async (client) => {
        const lives = await putIn(client, tables, how)
        await forwardSequences(client, lives, sequences)
        await dropStaging(client, staging)
      })
      return {}
    },
    happened: landed,
  })
}

/** What was loaded is where it is to be but for its name. */
async function giveSchema(
  { command, staging, landed }: Site,
  into: Extract<TablesInto, { how: 'beside' }>,
): Promise<Ending> {
  command.report('swap')
  const rename = `alter schema ${quoteIdent(staging)} rename to ${quoteIdent(into.schema)}`
  await atOnce(command, async (client) => void (await client.query(rename)), landed)
  return loadedBeside(command, into)
}

async function loadedBeside(command: Command, { schema }: Extract<TablesInto, { how: 'beside' }>): Promise<Ending> {
  await command.step('swapped')
  return { outcome: 'done', swapped: false, schema }
}

async function leaveNothing({ command, staging }: Site): Promise<void> {
  await removeStaging(command, staging)
  // Behind what can go without a checkpoint.
  await dropBeside(command.server, scratchName(command))
}
