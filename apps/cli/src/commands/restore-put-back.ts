import type { ClusterPlace, NewDatabase, RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { signOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { type Addressed, addressOf } from '../restore/address.ts'
import { hooksOf } from '../restore/ask-plan.ts'
import { type PlaceArgs, placeOf } from '../restore/cluster-wish.ts'
import { sendOrder, writeOrder } from '../restore/hand-over.ts'
import { type NewDatabaseArgs, newDatabaseOf } from '../restore/new-database.ts'
import { openKey } from '../restore/operator-keys.ts'
import { orderHead, type SigningArgs } from '../restore/orders.ts'
import { type TablesArgs, tableRefsOf } from '../restore/tables-wish.ts'

export interface PutBackArgs extends SigningArgs, PlaceArgs, NewDatabaseArgs, Pick<TablesArgs, 'table'> {
  source: string
  stopHook?: string
  startHook?: string
  readyHook?: string
}

/** Undoes the last restore of a source. */
export const restoreRevert = putBack('revert')
/** Drops for good what restores and reverts put aside. */
export const restoreRelease = putBack('release')

function putBack(action: 'revert' | 'release'): Command<PutBackArgs> {
  return (args, context) =>
    withFleet(context, ['sources', 'agents', 'policies', 'targets'], async ({ bus, config }) => {
      const { terminal, options, clock } = context
      const place = placeOf(args)
      if (action === 'revert' && place === 'beside')
        throw new LifeboatError('CLI_USAGE', {
          problem: 'what is beside has replaced nothing: there is only --in-place',
        })
      const tables = tableRefsOf(args)
      if (tables && place !== undefined)
        throw new LifeboatError('CLI_USAGE', { problem: 'a cluster or tables of it: give one of them' })
      const to = addressOf(config, args.source, undefined, args.onto)
      const newDatabase = newDatabaseOf(args, to)
      if (action === 'revert' && newDatabase)
        throw new LifeboatError('CLI_USAGE', {
          problem: 'what has a name of its own has replaced nothing: there is only `lifeboat restore release --as`',
        })
      if (to.is === 'files' && (place !== undefined || tables))
        throw new LifeboatError('CLI_USAGE', {
          problem: 'the source is a tree of files: --beside, --in-place and --table are about databases',
        })
      const key = await openKey(args.key, terminal)
      const head = orderHead(config.fleet, to, hooksOf(args), args, clock.now())
      using line = new LiveLine(terminal, { silent: options.json ?? false })
      await confirmName(to.sourceId, args.yesIMean, terminal, line)
      const signed = await signOrder(orderOf(action, { is: to.is, place, tables, newDatabase }, head), key)
      const wish = { restoreId: head.restoreId, agentId: to.agentId, order: signed }
      return args.out === undefined ? sendOrder(bus, wish, context, args.timeout) : writeOrder(args.out, wish, context)
    })
}

interface PutBackWish {
  is: Addressed['is']
  place: ClusterPlace | undefined
  tables: TableRef[] | undefined
  /** To be released. */
  newDatabase: NewDatabase | undefined
}

function orderOf(
  action: 'revert' | 'release',
  { is, place, tables, newDatabase }: PutBackWish,
  head: ReturnType<typeof orderHead>,
): RestoreOrder {
  if (is === 'files') return { action, kind: 'files', ...head }
  if (newDatabase) return { action: 'release', kind: 'new database', ...head, newDatabase }
  if (tables) return { action, kind: 'tables', ...head, tables }
  if (place === undefined) return action === 'revert' ? { action, ...head } : { action, ...head }
  return action === 'revert' ? { action, kind: 'cluster', ...head } : { action, kind: 'cluster', ...head, place }
}
