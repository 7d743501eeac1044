import type { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { StayedCounts } from './buckets.ts'
import { type CopyDecision, NOT_SURE } from './question.ts'

/** Few copies are decided about by their reasons alone. */
const FEW = 3

/** What was decided about one policy at one target; copies that are hidden already are gone here. */
interface Share {
  policyId: PolicyId
  targetId: TargetId
  stays: number
  goes: number
  /** Something stays only because too little is known. */
  isDoubtful: boolean
}

export function sharesOf(copies: readonly CopyDecision[], isHidden: (copy: CopyDecision) => boolean): Share[] {
  const shares = new Map<string, Share>()
  for (const copy of copies) {
    const { policyId, targetId, do: verdict, reasons } = copy
    const key = `${policyId} ${targetId}`
    const share = shares.get(key) ?? { policyId, targetId, stays: 0, goes: 0, isDoubtful: false }
    shares.set(key, share)
    if (verdict === 'keep') {
      share.stays += 1
      share.isDoubtful ||= reasons[0]?.startsWith(NOT_SURE) === true
    } else if (!isHidden(copy)) share.goes += 1
  }
  return [...shares.values()]
}

/**
 * Why a person must confirm it. Of backups that are taken often most go each month, and rightly; but about as many stay as stayed the last time, and rules
 * with a typo leave far fewer. Where nothing is remembered, the share of what goes has to tell.
 */
export function excessOf(
  sourceId: SourceId,
  shares: readonly Share[],
  before: StayedCounts | undefined,
  maxShare: number,
): string[] {
  return shares.flatMap(({ policyId, targetId, stays, goes }) => {
    if (goes <= FEW) return []
    const all = stays + goes
    const about = `of the ${all} backups of ${policyId} of ${sourceId} at ${targetId} would`
    const stayed = before?.[policyId]?.[targetId] ?? 0
    if (stayed === 0) return goes / all > maxShare ? [`${goes} ${about} go, and nothing is known of a time before`] : []
    // Compared as shares: 1 - 0.7 is not quite 0.3.
    return (stayed - stays) / stayed > maxShare ? [`${stays} ${about} stay; ${stayed} stayed last time`] : []
  })
}

/** What to remember when it is let go. What is in doubt would make it too much, as everything does while the whole source is held; there the last count holds on. */
export function stayedOf(
  shares: readonly Share[],
  before: StayedCounts | undefined,
  { isHeld }: { isHeld: boolean },
): StayedCounts {
  const counts: StayedCounts = {}
  for (const { policyId, targetId, stays, isDoubtful } of shares) {
    const count = isDoubtful || isHeld ? before?.[policyId]?.[targetId] : stays
    if (count === undefined) continue
    const own = counts[policyId] ?? {}
    counts[policyId] = own
    own[targetId] = count
  }
  return counts
}
