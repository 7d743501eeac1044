import type { ExpiryQuestion } from '@lifeboat/catalog/expiry/question.ts'
import { keepingOf, removersOf } from '@lifeboat/config/keeping.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { PolicyId, TargetId } from '@lifeboat/shared/domain/ids.ts'

/** The rules that would let something go: none where nothing may be removed, and none of a set that is held. */
export function rulesInForce(
  config: Pick<ConfigOf<'policies' | 'wal' | 'expiry' | 'targets'>, 'policies' | 'wal' | 'expiry' | 'targets'>,
): ExpiryQuestion['rulesOf'] {
  const { rulesOf } = keepingOf(config)
  const removable = new Set(removersOf(config).flatMap(({ targetId, mayRemove }) => (mayRemove ? [targetId] : [])))
  return (policyId: PolicyId, targetId: TargetId) => {
    const isHeld = config.policies[policyId]?.set?.hold !== undefined
    return isHeld || !removable.has(targetId) ? undefined : rulesOf(policyId, targetId)
  }
}
