import { recoveryPoints } from '@lifeboat/catalog/sets.ts'
import { knownRows } from '@lifeboat/catalog/summarize.ts'
import { setsOf } from '@lifeboat/config/expand-sets.ts'
import type { FleetFacts } from './judge-fleet.ts'
import type { Light, SetStatus } from './status.ts'

/** How each set of the configuration stands: red while its newest recovery point lacks a member, yellow while it waits for members or proofs. */
export function judgeSets(
  { config, summaries, memberRuns }: Pick<FleetFacts, 'config' | 'summaries' | 'memberRuns'>,
  nowMs: number,
): SetStatus[] {
  const rows = summaries.flatMap(knownRows)
  const points = Map.groupBy(recoveryPoints({ rows, runs: memberRuns, nowMs }), ({ setId }) => setId)
  return [...setsOf(config.policies).keys()].map((setId) => {
    const [newest, ...older] = points.get(setId) ?? []
    const isGood = newest?.state === 'complete' || newest?.state === 'proven'
    const newestComplete = isGood ? undefined : older.find(({ state }) => state === 'complete' || state === 'proven')
    const light: Light =
      newest?.state === 'incomplete' ? 'red' : newest?.state === 'proven' || newest === undefined ? 'green' : 'yellow'
    return { setId, light, ...(newest && { newest }), ...(newestComplete && { newestComplete }) }
  })
}
