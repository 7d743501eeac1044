import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { relationOf } from '@lifeboat/postgres/table-export/definition.ts'
import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import { asideName } from '@lifeboat/recovery/swap/aside-names.ts'
import { holdDatabase } from '@lifeboat/recovery/swap/hold-database.ts'
import { areKept, asideTime, type Kept, keptOf, titlesOf } from '@lifeboat/recovery/tables/kept.ts'
import { isLive, readLive } from '@lifeboat/recovery/tables/live-table.ts'
import { inOneTransaction } from '@lifeboat/recovery/tables/one-transaction.ts'
import { type PutTable, putIn } from '@lifeboat/recovery/tables/put-in.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { aroundSwap } from '../around-swap.ts'
import type { Command } from '../command.ts'
import { CLOCKS_APART_MS } from '../put-back.ts'
import type { Ending } from '../tell.ts'
import { afterwards, atOnce, demandTables, lookAtKept, transactionOf } from './site.ts'

/** Gives tables the rows back that were put aside last; the present ones are put aside. @throws LifeboatError – nothing has changed */
export async function revertTables(given: Command): Promise<Ending> {
  const command = demandTables(given, 'revert')
  const { order, entry, server, database, deps, report } = command
  await using _held = await holdDatabase(server, database)
  // They are put aside by the transaction that gives the others back.
  const landed = () =>
    afterwards(command, async (client) => areKept(await keptOf(client, order.tables), entry().aside ?? ''))
  if (entry().aside !== undefined && (await landed())) return await aroundSwap(command, { done: true, swap: undefined })
  if (entry().stage === 'swapping') await command.step('ready')
  const kept = await lookAtKept(command, order.tables)
  const lacking = kept.filter(({ asides }) => !asides.some(({ why }) => why === 'before'))
  if (lacking.length > 0)
    throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { tables: lacking.map(({ table }) => titleOf(table)) })
  const now = asideTime(kept, deps.clock.now())
  const plans = kept.map(({ table, asides }) => ({
    ...{ table, aside: asideName(table.name, 'reverted', now) },
    before: { ...table, name: asides.find(({ why }) => why === 'before')?.name ?? '' },
  }))
  return await aroundSwap(command, {
    ...{ done: false, aside: titlesOf(plans.map(({ table, aside }) => ({ ...table, name: aside }))) },
    swap: async ({ signal }) => {
      report('swap')
      await inOneTransaction(transactionOf(command, signal), async (client) => {
        await pinSettings(client)
        const tables: PutTable[] = []
        for (const { table, before, aside } of plans)
          tables.push({ staged: await stagedFrom(client, table, before), aside })
        await putIn(client, tables, 'replace')
        for (const { before } of plans) await client.query(`drop table ${relationOf(before)}`)
      })
      return {}
    },
    happened: landed,
  })
}

async function stagedFrom(client: SourceClient, table: TableRef, before: TableRef): Promise<PutTable['staged']> {
  const found = await readLive(client, before)
  if (!isLive(found)) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { problem: found.problem })
  const { columns } = found
  return {
    table: { ...table, title: titleOf(table), columns, ...(await measureExport(client, { ...before, columns })) },
    at: before,
  }
}

/**
 * Drops for good the rows of tables that had been put aside when the operator signed: all of them or none.
 *
 * @throws LifeboatError – nothing has changed, unless the stage is `swapping`
 */
export async function releaseTables(given: Command): Promise<Ending> {
  const command = demandTables(given, 'release')
  const { order, entry, server, database, run } = command
  await using _held = await holdDatabase(server, database)
  const released = (): Ending => ({ outcome: 'done', swapped: false, dropped: entry().dropping ?? [] })
  const landed = () =>
    afterwards(command, async (client) => {
      const left = asidesOf(await keptOf(client, order.tables)).map(titleOf)
      return !entry().dropping?.some((title) => left.includes(title))
    })
  if (entry().dropping) {
    if (await landed()) return released()
    await command.step('ready')
  }
  const found = asidesOf(await lookAtKept(command, order.tables), Date.parse(order.issuedAt) + CLOCKS_APART_MS)
  if (found.length === 0) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { tables: order.tables.map(titleOf) })
  // Nothing brings it back.
  run.signal.throwIfAborted()
  const drop = async (client: SourceClient) => {
    await client.query('set local session_replication_role = replica')
    for (const table of found) await client.query(`drop table ${relationOf(table)}`)
  }
  await atOnce(command, drop, landed, { dropping: found.map(titleOf) })
  return released()
}

/** @param untilMs of those only what had been put aside by then */
function asidesOf(kept: readonly Kept[], untilMs = Number.POSITIVE_INFINITY): TableRef[] {
  return kept.flatMap(({ table, asides }) =>
    asides.filter(({ atMs }) => atMs <= untilMs).map(({ name }) => ({ ...table, name })),
  )
}
