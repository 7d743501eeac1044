import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { RunId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { LiveLine } from '../progress/live-line.ts'
import { waitForFact } from './wait-for-fact.ts'

/**
 * @param run.since milliseconds UTC; facts before it are not read
 * @returns what the verifier concluded; undefined when the signal fired first
 */
export function waitForDrill(
  bus: Bus,
  { runId, sourceId, since }: { runId: RunId; sourceId: SourceId; since: number },
  opts: { signal: AbortSignal; line: LiveLine },
): Promise<DrillFinished | undefined> {
  const fits = (fact: DrillFinished) => fact.runId === runId
  return waitForFact(bus, { type: DrillFinished, route: sourceId, fits, runId, since }, opts)
}
