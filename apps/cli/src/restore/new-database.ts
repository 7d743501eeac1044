import { type NewDatabase, NewName } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Addressed } from './address.ts'
import type { ClusterArgs } from './cluster-wish.ts'
import type { TablesArgs } from './tables-wish.ts'

/** What makes a restore one beside everything that is there. */
export interface NewDatabaseArgs {
  as?: string
  /** Another source, on whose server it is made. */
  onto?: string
}

type Others = Partial<ClusterArgs & TablesArgs> & { stopHook?: string; startHook?: string; postHook?: string }

/** undefined: it is not about a new database. On the server of another source it has its own name unless told otherwise. @throws LifeboatError CLI_USAGE */
export function newDatabaseOf(
  args: NewDatabaseArgs & Others,
  { is, from }: Pick<Addressed, 'is' | 'from'>,
): NewDatabase | undefined {
  const as = args.as ?? from?.database
  if (as === undefined) {
    if (args.onto !== undefined)
      throw usage('onto its own server it goes under a new name: say --as, or leave --onto out')
    return undefined
  }
  if (is === 'files') throw usage('the source is a tree of files: --as is about databases')
  const { beside, inPlace, pause, until, timeline, port, table, merge, replace, intoSchema, postHook } = args
  const others = [beside, inPlace, pause, until, timeline, port, table, merge, replace, intoSchema, postHook]
  if (others.some((each) => each !== undefined))
    throw usage(
      '--as and --onto are about a database out of a dump: not about clusters, moments and tables, and there is no post hook',
    )
  if (args.stopHook !== undefined || args.startHook !== undefined)
    throw usage('nothing is stopped for a database under a new name: there is only --ready-hook')
  const name = NewName.safeParse(as)
  if (name.success) return { name: name.data, ...(from && { copiesOf: from.sourceId }) }
  throw usage(`${as} is no name for a database: ${name.error.issues.map(({ message }) => message).join('; ')}`)
}

function usage(problem: string): LifeboatError {
  return new LifeboatError('CLI_USAGE', { problem })
}
