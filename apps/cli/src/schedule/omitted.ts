import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { CalendarPlan } from './plans.ts'

/** What keeps backups in truth and is left out when the calendar is played through, as far as it is about these plans: more may stay than is shown. */
export function tiesOmitted(
  { policies, wal }: Pick<ConfigOf<'policies' | 'wal'>, 'policies' | 'wal'>,
  plans: readonly Pick<CalendarPlan, 'policyId' | 'sourceId' | 'kind'>[],
): string[] {
  const sets = new Set(plans.flatMap(({ policyId }) => policies[policyId as PolicyId]?.set?.setId ?? []))
  const kinds = (sourceId: string) => plans.filter((plan) => plan.sourceId === sourceId).map(({ kind }) => kind)
  const sources = [...new Set(plans.map(({ sourceId }) => sourceId))]
  const chained = sources.filter((id) => kinds(id).includes('base') && kinds(id).includes('incremental'))
  const windowed = sources.filter((id) => wal[id as SourceId] !== undefined && kinds(id).some(isPhysical))
  return [
    ...told(
      sets,
      'members of a set are counted one by one here; in truth those of one recovery point stay or go together',
    ),
    ...told(
      chained,
      'incrementals build on their own policy here; in truth also on bases of others, which stay for them',
    ),
    ...told(windowed, 'WAL is not counted, nor the base its window begins with, which stays as well'),
  ]
}

function isPhysical(kind: CalendarPlan['kind']): boolean {
  return kind === 'base' || kind === 'incremental'
}

function told(names: Iterable<string>, what: string): string[] {
  const all = [...names]
  return all.length === 0 ? [] : [`Not played through (${all.join(', ')}): ${what}.`]
}
