import { type RecoveryPoint, recoveryPoints } from '@lifeboat/catalog/sets.ts'
import type { Finding, Rule } from '../world.ts'

/** The newest recovery point of a set lacks a member: what the others took is good, but together they are not the system. Open until a newer one, or this one, is complete. */
export const setIncomplete: Rule = (world) => {
  const runs = [...world.runs.values()].flat()
  const points = Map.groupBy(recoveryPoints({ rows: world.ofSets, runs, nowMs: world.nowMs }), ({ setId }) => setId)
  // A set that left the configuration is nobody's promise any more.
  const planned = new Set(world.plans.flatMap(({ setId }) => setId ?? []))
  return [...points].flatMap(([setId, own]) => {
    const [newest] = own
    if (newest === undefined || !planned.has(setId)) return []
    // Members are still to come: what was said before stays said until then.
    if (newest.state === 'open') return { cause: `set-incomplete.${setId}`, unknown: true }
    return newest.state === 'incomplete' ? finding(newest, own) : []
  })
}

function finding({ point, setId, reasons, members }: RecoveryPoint, own: readonly RecoveryPoint[]): Finding {
  const good = members.filter(({ state }) => state === 'stored' || state === 'proven')
  const before = own.find(({ state }) => state === 'complete' || state === 'proven')
  return {
    cause: `set-incomplete.${setId}`,
    rule: 'set-incomplete',
    severity: 'critical',
    title: `The set ${setId} is incomplete`,
    details: [
      `${point} lacks ${reasons.length} of its ${members.length} members`,
      ...reasons,
      ...good.map(({ policyId, sourceId, backupId }) => `${policyId} of ${sourceId} is there and usable: ${backupId}`),
      before === undefined ? 'No complete one is known' : `The newest complete one: ${before.point}`,
    ],
    hint: `Look at the member it names, then take what is missing for the same recovery point: \`lifeboat backup now ${setId} --point ${point}\`.`,
  }
}
