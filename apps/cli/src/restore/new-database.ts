import { type NewDatabase, NewName } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Addressed } from './address.ts'
import type { ClusterArgs } from './cluster-wish.ts'
import type { TablesArgs } from './tables-wish.ts'

/** What makes a restore one beside everything that is there. */
export interface NewDatabaseArgs {
  as?: string
}

type Others = Partial<ClusterArgs & TablesArgs> & { stopHook?: string; startHook?: string; postHook?: string }

/** undefined: it is not about a new database. @throws LifeboatError CLI_USAGE */
export function newDatabaseOf(args: NewDatabaseArgs & Others, is: Addressed['is']): NewDatabase | undefined {
  if (args.as === undefined) return undefined
  if (is === 'files') throw usage('the source is a tree of files: --as is about databases')
  const { beside, inPlace, until, timeline, port, table, merge, replace, intoSchema, postHook } = args
  const others = [beside, inPlace, until, timeline, port, table, merge, replace, intoSchema, postHook]
  if (others.some((each) => each !== undefined))
    throw usage('a database out of a dump has a name given by --as; a cluster and tables have none, and no post hook')
  if (args.stopHook !== undefined || args.startHook !== undefined)
    throw usage('nothing is stopped for a database under a new name: there is only --ready-hook')
  const name = NewName.safeParse(args.as)
  if (name.success) return { name: name.data }
  throw usage(`${args.as} is no name for a database: ${name.error.issues.map(({ message }) => message).join('; ')}`)
}

function usage(problem: string): LifeboatError {
  return new LifeboatError('CLI_USAGE', { problem })
}
