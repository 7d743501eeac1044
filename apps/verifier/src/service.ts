import { sweepScratch } from '@lifeboat/postgres/scratch/sweep.ts'
import { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import type { VerifierDeps } from './deps.ts'
import { runDrill } from './handlers/run-drill.ts'

/** All verifiers share one queue. What a killed one left in the scratch path goes first, for it may hold the room the next drill needs. */
export async function startVerifier(deps: VerifierDeps, signal: AbortSignal): Promise<void> {
  await sweepScratch(deps.scratchPath, deps)
  const drills = { type: DrillRequested, durable: 'verifier', concurrency: deps.concurrency }
  await deps.bus.consume(drills, runDrill(deps), { signal })
}
