import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { describeGoal } from '@lifeboat/recovery/goal.ts'
import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import type { NewDatabase } from '@lifeboat/shared/domain/restore.ts'
import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { changesText } from './files-text.ts'

/** What was commanded, in a line. */
export function whatText(told: Partial<RestoreAudited>): string {
  const { action, sourceId, into, pause, goal, timeline, unproven, hooks, changes } = told
  if (action === undefined) return '–'
  const about = [
    subjectText(told),
    into && intoText(into),
    pause && 'with a look first',
    goal && `to ${describeGoal(goal)}`,
    timeline !== undefined && `on timeline ${timeline}`,
    unproven && 'proven or not',
    ...Object.entries(hooks ?? {}).map(([on, name]) => `${on} hook ${name}`),
  ]
  const what = `${action} ${sourceId} (${about.filter(Boolean).join(', ')})`
  return changes ? `${what}: ${changesText(changes)}` : what
}

/** Of one that was cancelled: who says to have done it, and why. */
export function cancelledText({
  cancelledBy,
  cancelReason,
}: Pick<RestoreAudited, 'cancelledBy' | 'cancelReason'>): string {
  return [`by ${cancelledBy}`, ...(cancelReason === undefined ? [] : [cancelReason])].join(': ')
}

/** A command that was refused says its kind and not what its database or folder is called. */
function subjectText({
  kind = 'cluster',
  database,
  newDatabase,
  root,
  tables,
  place,
}: Partial<RestoreAudited>): string {
  if (newDatabase) return newDatabaseText(newDatabase)
  if (tables) return [tables.map(titleOf).join(', '), ...(database === undefined ? [] : ['of', database])].join(' ')
  return database ?? root ?? [kind, place].filter(Boolean).join(' ')
}

function newDatabaseText({ name, copiesOf }: NewDatabase): string {
  return copiesOf === undefined ? `as ${name}` : `${copiesOf} as ${name}`
}

function intoText(into: TablesInto): string {
  switch (into.how) {
    case 'merge':
      return 'merged'
    case 'replace':
      return 'replaced'
    case 'beside':
      return `into schema ${into.schema}`
  }
}
