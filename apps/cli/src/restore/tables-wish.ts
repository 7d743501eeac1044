import { parseTableName } from '@lifeboat/postgres/table-export/table-name.ts'
import { type TableRef, TablesInto, type TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { parseGoal, wholeNumber } from '../recover/read-wish.ts'
import type { ClusterArgs } from './cluster-wish.ts'

/** What makes a restore one of tables. */
export interface TablesArgs extends Pick<ClusterArgs, 'beside' | 'inPlace' | 'until' | 'timeline' | 'port'> {
  /** Each as SQL names it. */
  table?: string[]
  merge?: boolean
  replace?: boolean
  intoSchema?: string
}

/** undefined: it is not about tables. @throws LifeboatError CLI_USAGE */
export function tableRefsOf({ table = [] }: Pick<TablesArgs, 'table'>): TableRef[] | undefined {
  if (table.length === 0) return undefined
  const found = table.map((text): TableRef => {
    const { schema, name } = parseTableName(text) ?? {}
    if (schema === undefined || name === undefined)
      throw usage(`${text} is no table as SQL names it: results, clinic.ward, clinic."Odd name"`)
    return { schema, name }
  })
  const texts = found.map((ref) => JSON.stringify(ref))
  return found.filter((_, no) => texts.indexOf(texts[no] ?? '') === no)
}

/** undefined: it is not about tables. @throws LifeboatError CLI_USAGE | RECOVERY_TIME_UNZONED | RECOVERY_GOAL_UNREADABLE */
export function tablesWishOf(args: TablesArgs): TablesWish | undefined {
  const tables = tableRefsOf(args)
  const { merge, replace, intoSchema } = args
  const said = [merge, replace, intoSchema].filter((each) => each !== undefined).length
  if (!tables) {
    if (said > 0) throw usage('--merge, --replace and --into-schema are about tables: name them with --table')
    return undefined
  }
  if (said !== 1) throw usage('say what becomes of the rows: --merge, --replace or --into-schema NAME')
  const into = TablesInto.safeParse(
    intoSchema === undefined ? { how: merge ? 'merge' : 'replace' } : { how: 'beside', schema: intoSchema },
  )
  if (!into.success) throw usage(`${intoSchema} is no name of a schema`)
  const { until, timeline, beside, inPlace, port } = args
  if (beside || inPlace || port !== undefined) throw usage('a cluster or tables of it: give one of them')
  if (timeline !== undefined && until === undefined) throw usage('a timeline leads to a moment: say --until')
  const no = wholeNumber(timeline, '--timeline', 0xffff_ffff)
  return {
    ...{ tables, into: into.data, ...(until !== undefined && { goal: parseGoal(until) }) },
    ...(no !== undefined && { timeline: no }),
  }
}

function usage(problem: string): LifeboatError {
  return new LifeboatError('CLI_USAGE', { problem })
}
