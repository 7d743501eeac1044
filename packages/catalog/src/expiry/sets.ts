import type { BackupId, RecoveryPointId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { SKEW_MS } from './misdated.ts'
import { choose } from './periods.ts'
import { type Candidate, type ExpiryDecision, type ExpiryQuestion, NOT_SURE } from './question.ts'

/** What was decided about one source, and its backups that belong to sets. */
export interface DecidedSource {
  sourceId: SourceId
  decision: Pick<ExpiryDecision, 'copies'>
  members: readonly Candidate[]
}

type Asked = Pick<ExpiryQuestion, 'rulesOf' | 'nowMs'>

/** By source and `tieKey`: why copies stay for the sake of their sets. */
export type Ties = Map<SourceId, Map<string, readonly string[]>>

export function tieKey(targetId: TargetId, backupId: BackupId): string {
  return `${targetId} ${backupId}`
}

/**
 * Which copies stay because of the other members of their sets: rules are asked of complete, proven recovery points as of one backup, the newest such point of a
 * set stays, and where one member stays so do the others at that target. None is ever let go alone.
 *
 * Adds to what is known; asked again with the decisions that follow from it, it ends.
 *
 * @returns whether anything was added
 */
function tieSets(ties: Ties, sources: readonly DecidedSource[], { rulesOf, nowMs }: Asked): boolean {
  const points = pointsOf(sources, nowMs)
  const wanted = [...wantedAsOne(points, rulesOf), ...points.flatMap(stayTogether)]
  let added = false
  for (const { copy, reason } of wanted) {
    const own = ties.get(copy.sourceId) ?? new Map<string, readonly string[]>()
    ties.set(copy.sourceId, own)
    const key = tieKey(copy.targetId, copy.backup.backupId)
    if (own.has(key)) continue
    own.set(key, [reason])
    added = true
  }
  return added
}

/** Decides again, by `ties`, which it adds to, about sources whose sets keep more than they would themselves, until nothing follows any more. */
export async function settleSets<T extends DecidedSource>(
  sources: Map<SourceId, T>,
  asked: Asked,
  decideAgain: (sourceId: SourceId, own: ReadonlyMap<string, readonly string[]>) => Promise<T>,
  ties: Ties = new Map(),
): Promise<void> {
  while (tieSets(ties, [...sources.values()], asked))
    for (const [sourceId, own] of ties) {
      const { copies = [] } = sources.get(sourceId)?.decision ?? {}
      const goes = copies.some((copy) => copy.do === 'let-go' && own.has(tieKey(copy.targetId, copy.backupId)))
      if (goes) sources.set(sourceId, await decideAgain(sourceId, own))
    }
}

/** One member of a recovery point at one target. */
interface MemberCopy {
  sourceId: SourceId
  targetId: TargetId
  backup: Candidate
  /** Why it stays; undefined: it is to go. */
  stays: string | undefined
  countable: boolean
}

/** One recovery point at one target. */
interface Shelved {
  point: RecoveryPointId
  setId: string
  targetId: TargetId
  copies: MemberCopy[]
  /** Every member is there, proven, and of the past: one a clock misdated would make its set the newest. */
  whole: boolean
  atMs: number
}

function pointsOf(sources: readonly DecidedSource[], nowMs: number): Shelved[] {
  const all = sources.flatMap(copiesOf)
  const shelved = Map.groupBy(all, ({ backup, targetId }) => `${backup.set?.point} ${targetId}`)
  return [...shelved.values()].flatMap((copies) => {
    const { backup, targetId } = copies[0] as MemberCopy
    if (backup.set === undefined) return []
    const { point, setId, members } = backup.set
    const atMs = Math.max(...copies.map((copy) => copy.backup.atMs))
    const isComplete = members.every((member) =>
      copies.some(
        (copy) => copy.countable && copy.sourceId === member.sourceId && copy.backup.policyId === member.policyId,
      ),
    )
    return [{ point, setId, targetId, copies, whole: isComplete && atMs <= nowMs + SKEW_MS, atMs }]
  })
}

function copiesOf({ sourceId, decision, members }: DecidedSource): MemberCopy[] {
  const staying = new Map(
    decision.copies.flatMap(({ targetId, backupId, do: verdict, reasons }) =>
      verdict === 'keep' ? [[tieKey(targetId, backupId), reasons[0] ?? ''] as const] : [],
    ),
  )
  return members.flatMap((backup) => {
    const proven = backup.copies.some((copy) => copy.proven && copy.state === 'there')
    return backup.copies
      .filter(({ state }) => state !== 'coming')
      .map(({ targetId, state }) => ({
        ...{ sourceId, targetId, backup, countable: proven && state === 'there' },
        stays: staying.get(tieKey(targetId, backup.backupId)),
      }))
  })
}

type Wanted = { copy: MemberCopy; reason: string }

function wantedAsOne(points: readonly Shelved[], rulesOf: ExpiryQuestion['rulesOf']): Wanted[] {
  const whole = points.filter((point) => point.whole)
  return [...Map.groupBy(whole, ({ setId, targetId }) => `${setId} ${targetId}`).values()].flatMap((own) => {
    const newestFirst = own.toSorted((a, b) => b.atMs - a.atMs)
    const [newest] = newestFirst as [Shelved]
    const rules = rulesOf((newest.copies[0] as MemberCopy).backup.policyId, newest.targetId)
    const moments = newestFirst.map(({ atMs }) => atMs)
    const chosen = rules === undefined ? [] : [...choose(moments, rules)]
    return [
      ...forAll(newest, `${newest.point} is the newest complete and proven one of its set`),
      ...chosen.flatMap(([i, reasons]) => {
        const point = newestFirst[i] as Shelved
        return forAll(point, `its set ${point.point} is ${reasons.join(', ')}`)
      }),
    ]
  })
}

function forAll({ copies }: Shelved, reason: string): Wanted[] {
  return copies.map((copy) => ({ copy, reason }))
}

/** What stays only because too little is known brings nothing back that is hidden, and neither do the others for its sake. */
function stayTogether({ point, copies }: Shelved): Wanted[] {
  const going = copies.filter(({ stays }) => stays === undefined)
  const staying = copies.filter(({ stays }) => stays !== undefined)
  const kept = staying.find(({ stays }) => !stays?.startsWith(NOT_SURE)) ?? staying[0]
  if (kept === undefined) return []
  const doubt = kept.stays?.startsWith(NOT_SURE) ? NOT_SURE : ''
  return going.map((copy) => ({ copy, reason: `${doubt}${kept.backup.backupId} of the same set ${point} stays` }))
}
