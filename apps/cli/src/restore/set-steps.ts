import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import type { BackupId, BackupKind, PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'

/** What comes back of one source of a recovery point. */
export interface SetStep {
  sourceId: SourceId
  backupId: BackupId
  as: 'cluster' | 'database' | 'tables' | 'files'
  /** Of `tables`, as SQL names them. */
  tables?: string[]
}

export interface LeftOut {
  policyId: PolicyId
  sourceId: SourceId
  why: string
}

/** What is known of the backup of a member. */
export interface MemberBackup {
  kind: BackupKind
  /** Of a table export. */
  titles?: readonly string[]
}

/** Data first: what reads it, code and configuration, comes last. */
const ORDER: readonly SetStep['as'][] = ['cluster', 'database', 'tables', 'files']

/**
 * What brings a recovery point back, in the order in which one depends on the other: of each source whatever holds the most of it. A dump is the database as it was at the moment
 * of the set, and is chosen before the base of its cluster, which would take every other database back with it.
 *
 * @param only these sources; undefined: all of them
 */
export function setSteps(
  { members }: Pick<RecoveryPoint, 'members'>,
  backups: ReadonlyMap<string, MemberBackup>,
  only: readonly string[] | undefined,
): { steps: SetStep[]; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = []
  const bySource = Map.groupBy(members, ({ sourceId }) => sourceId)
  const steps = [...bySource].flatMap(([sourceId, own]): SetStep[] => {
    const leave = (why: string) => (member: { policyId: PolicyId }) =>
      leftOut.push({ policyId: member.policyId, sourceId, why })
    if (only !== undefined && !only.includes(sourceId)) {
      own.forEach(leave('not asked for'))
      return []
    }
    const there = own.flatMap((member) => {
      const backup = member.backupId === undefined ? undefined : backups.get(member.backupId)
      const step = backup && stepOf(sourceId, member.backupId as BackupId, backup)
      if (!step) leave(member.reason ?? 'there is no backup of it that could be restored')(member)
      return step ? [{ member, step }] : []
    })
    const [best, ...others] = there.sort((a, b) => rank(a.step) - rank(b.step))
    for (const { member } of others) leave(`${best?.step.backupId} brings it back as well`)(member)
    return best ? [best.step] : []
  })
  return { steps: steps.sort((a, b) => ORDER.indexOf(a.as) - ORDER.indexOf(b.as)), leftOut }
}

export function leftText({ policyId, sourceId, why }: LeftOut): string {
  return `${policyId} of ${sourceId}: ${why}`
}

function stepOf(sourceId: SourceId, backupId: BackupId, { kind, titles }: MemberBackup): SetStep | undefined {
  const about = { sourceId, backupId }
  if (kind === 'dump') return { ...about, as: 'database' }
  if (kind === 'base' || kind === 'incremental') return { ...about, as: 'cluster' }
  if (kind === 'files') return { ...about, as: 'files' }
  // Rows of a query are of no table.
  const tables = (titles ?? []).filter((title) => title.includes('.')).map(asSql)
  return tables.length > 0 ? { ...about, as: 'tables', tables } : undefined
}

function rank({ as }: SetStep): number {
  return ['database', 'cluster', 'files', 'tables'].indexOf(as)
}

/** `clinic.Odd name` → `"clinic"."Odd name"` */
function asSql(title: string): string {
  const dot = title.indexOf('.')
  return [title.slice(0, dot), title.slice(dot + 1)].map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
}
