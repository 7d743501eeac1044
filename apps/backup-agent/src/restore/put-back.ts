import { databaseNames } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { asideName, asideOf } from '@lifeboat/recovery/swap/aside-names.ts'
import { releaseReplaced, revertReplaced } from '@lifeboat/recovery/swap/put-back.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { aroundSwap } from './around-swap.ts'
import type { Entry } from './book.ts'
import type { Command } from './command.ts'
import type { Ending } from './tell.ts'

/** Gives the database that was put aside last its name back; the present one is put aside. @throws LifeboatError – nothing has changed */
export async function revert(command: Command): Promise<Ending> {
  const { server, database, order, entry, report, deps } = command
  const names = await databaseNames(server)
  if (isBack(entry(), names, database)) return aroundSwap(command, { done: true, swap: undefined })
  // Before any service is stopped for nothing.
  const back = asideOf(database, [...names]).find(({ why }) => why === 'before')?.name
  if (back === undefined) throw new LifeboatError('RECOVERY_NOTHING_ASIDE', { database })
  await command.step('ready', { back })
  const aside = names.has(database) ? asideName(database, 'reverted', deps.clock.now()) : undefined
  return aroundSwap(command, {
    ...{ done: false, aside },
    swap: (run) => {
      report('swap')
      return revertReplaced(server, database, { drainMs: order.drainMs, run, aside, back })
    },
    happened: async () => isBack(entry(), await databaseNames(server), database),
  })
}

/** Both names are changed by one transaction. */
function isBack({ stage, back }: Entry, names: ReadonlySet<string>, database: string): boolean {
  if (stage === 'swapped') return true
  return stage === 'swapping' && back !== undefined && !names.has(back) && names.has(database)
}

/** Clocks of an operator and of an agent may be so far apart. */
export const CLOCKS_APART_MS = 60_000

/** Drops for good what had been put aside when the operator signed. @throws LifeboatError */
export async function release(command: Command): Promise<Ending> {
  const { server, database, entry, order, run } = command
  const begun = entry().stage !== 'accepted'
  // Nothing brings it back.
  run.signal.throwIfAborted()
  await command.step('ready')
  try {
    const untilMs = Date.parse(order.issuedAt) + CLOCKS_APART_MS
    return { outcome: 'done', swapped: false, dropped: await releaseReplaced(server, database, { untilMs }) }
  } catch (thrown) {
    // An earlier life of this agent was at it, and nothing is left to be dropped.
    if (begun && LifeboatError.is(thrown, 'RECOVERY_NOTHING_ASIDE'))
      return { outcome: 'done', swapped: false, dropped: [] }
    throw thrown
  }
}
