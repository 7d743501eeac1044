import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import type { ClusterWish, NewDatabase } from '@lifeboat/shared/domain/restore.ts'
import type { TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { parseGoal } from '../recover/read-wish.ts'
import type { Addressed } from './address.ts'
import { type ClusterArgs, clusterWishOf } from './cluster-wish.ts'
import { type NewDatabaseArgs, newDatabaseOf } from './new-database.ts'
import { type TablesArgs, tablesWishOf } from './tables-wish.ts'

/** What of a source is to come back, where it is not the database or the newest state of a tree of files. */
export interface Wish {
  cluster?: ClusterWish
  tables?: TablesWish
  newDatabase?: NewDatabase
  /** A tree of files, as of this moment. */
  before?: Moment
}

type WishArgs = ClusterArgs & TablesArgs & NewDatabaseArgs & { postHook?: string }

/** @throws LifeboatError CLI_USAGE | RECOVERY_TIME_UNZONED | RECOVERY_GOAL_UNREADABLE */
export function wishOf(args: WishArgs, to: Pick<Addressed, 'is' | 'from'>): Wish {
  const newDatabase = newDatabaseOf(args, to)
  if (newDatabase) return { newDatabase }
  if (to.is === 'files') return filesWishOf(args)
  if (args.postHook !== undefined) throw usage('a post hook finishes a tree of files; the source is a database')
  const tables = tablesWishOf(args)
  if (tables) return { tables }
  const cluster = clusterWishOf(args)
  return cluster ? { cluster } : {}
}

function filesWishOf({ until, ...others }: WishArgs): Wish {
  const { beside, inPlace, timeline, pause, port } = others
  if (beside || inPlace || pause || timeline !== undefined || port !== undefined || tablesWishOf(others))
    throw usage(
      'the source is a tree of files: --beside, --in-place, --timeline, --pause, --port and --table are about databases',
    )
  const goal = until === undefined || until === 'latest' ? undefined : parseGoal(until)
  if (goal && goal.to !== 'time') throw usage('files go back to a time: --until 2026-09-26T13:59:00+02:00')
  return goal ? { before: goal.time } : {}
}

function usage(problem: string): LifeboatError {
  return new LifeboatError('CLI_USAGE', { problem })
}
