import { besideName, databaseNames, dropBeside } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { holdDatabase } from '@lifeboat/recovery/swap/hold-database.ts'
import { dropMade, makerOf, nameDatabase } from '@lifeboat/recovery/swap/new-name.ts'
import type { NewDatabaseOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { hook } from './around-swap.ts'
import type { Command } from './command.ts'
import { CLOCKS_APART_MS } from './put-back.ts'
import { restoreDump } from './restore-dump.ts'
import type { Ending } from './tell.ts'

/** Who does what an order about a new database says. */
export function newDatabaseWork(order: NewDatabaseOrder): (command: Command) => Promise<Ending> {
  return order.action === 'restore'
    ? (command) => restoreNew({ ...command, order })
    : (command) => releaseNew({ ...command, order })
}

/**
 * Restores a dump beside, compares it, and gives it a name that is free: nothing that is there is touched.
 *
 * May be called again after the agent died: what was restored and compared stays so, and what has its name is not named again. Until then any error leaves nothing;
 * after it the ending says what is still wrong.
 *
 * @throws LifeboatError – nothing has changed
 */
async function restoreNew(command: Command & { order: NewDatabaseOrder<'restore'> }): Promise<Ending> {
  const { server, order, entry } = command
  const { name } = order.newDatabase
  await using _held = await holdDatabase(server, name)
  const next = besideName(name, 'restoring', order.restoreId.slice(-6))
  const isMade = async () => (await makerOf(server, name)) === order.restoreId
  if (entry().stage === 'swapped' || (entry().stage === 'swapping' && (await isMade()))) return await named(command)
  try {
    const isWhole = entry().stage !== 'accepted' && (await databaseNames(server)).has(next)
    const counted = isWhole ? {} : await restoreDump(command, order, next)
    await command.step('ready')
    command.run.signal.throwIfAborted()
    command.report('name')
    await command.step('swapping')
    try {
      await nameDatabase(server, { from: next, name, restoreId: order.restoreId })
    } catch (thrown) {
      // Its end may have come and only the answer been lost; where nobody can be asked, the next delivery asks.
      if (!(await isMade())) {
        await command.step('ready')
        throw thrown
      }
    }
    return { ...counted, ...(await named(command)) }
  } catch (thrown) {
    // After a deploy the next delivery goes on with it, and where nobody knows whether it has its name it may be there.
    const isOver = command.cancelled.aborted || !command.run.signal.aborted
    if (isOver && entry().stage !== 'swapping') await dropBeside(server, next)
    throw thrown
  }
}

async function named(command: Command & { order: NewDatabaseOrder<'restore'> }): Promise<Ending> {
  const { name } = command.order.newDatabase
  await command.step('swapped')
  const about = { swapped: false, newDatabase: name }
  try {
    await hook(command, 'ready', false, { folder: '/', env: { LIFEBOAT_DATABASE: name } })
    return { outcome: 'done', ...about }
  } catch (thrown) {
    return { outcome: 'failed', ...about, error: LifeboatError.from(thrown) }
  }
}

/** Drops for good what a restore had made under this name when the operator signed. @throws LifeboatError – nothing has changed */
async function releaseNew(command: Command & { order: NewDatabaseOrder<'release'> }): Promise<Ending> {
  const { server, order, entry, run } = command
  const { name } = order.newDatabase
  await using _held = await holdDatabase(server, name)
  demandNoSource(command, name)
  const begun = entry().stage !== 'accepted'
  if (begun && !(await databaseNames(server)).has(name)) return { outcome: 'done', swapped: false, dropped: [] }
  run.signal.throwIfAborted()
  await command.step('ready')
  const untilMs = Date.parse(order.issuedAt) + CLOCKS_APART_MS
  await dropMade(server, name, { untilMs, drainMs: order.drainMs, run })
  return { outcome: 'done', swapped: false, dropped: [name] }
}

/** One that has become a source since is in use, whoever made it. @throws LifeboatError RESTORE_NOT_MADE */
function demandNoSource({ deps, server }: Command, name: string): void {
  for (const [sourceId, source] of deps.cfg.sources) {
    if ('files' in source) continue
    const { host, port, database } = source.connection
    if (database === name && host === server.host && port === server.port)
      throw new LifeboatError('RESTORE_NOT_MADE', { database: name, problem: `it is the database of ${sourceId}` })
  }
}
