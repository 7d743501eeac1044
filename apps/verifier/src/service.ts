import { sweepScratch } from '@lifeboat/postgres/scratch/sweep.ts'
import { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { VerifierDeps } from './deps.ts'
import { runDrill } from './handlers/run-drill.ts'
import { lookAtFootings } from './look-at-footings.ts'

const SWEEP_MS = 3_600_000

/**
 * All verifiers share one queue. What a killed one left in the scratch path goes first, for it may hold the room the next drill needs; so does,
 * from then on, what was kept until its time is over: before each drill, and every hour where there is none.
 */
export async function startVerifier(deps: VerifierDeps, signal: AbortSignal): Promise<void> {
  lookAtFootings(deps, signal)
  await sweepScratch(deps.scratchPath, deps)
  const timer = setInterval(() => void sweepAgain(deps), SWEEP_MS)
  timer.unref()
  signal.addEventListener('abort', () => clearInterval(timer))
  const drill = runDrill(deps)
  const drills = { type: DrillRequested, durable: 'verifier', concurrency: deps.concurrency }
  const sweepAndDrill: typeof drill = async (wish, delivery) => {
    await sweepAgain(deps)
    await drill(wish, delivery)
  }
  await deps.bus.consume(drills, sweepAndDrill, { signal })
}

/** What cannot be removed today is no reason against a drill. */
async function sweepAgain(deps: Pick<VerifierDeps, 'scratchPath' | 'clock' | 'log'>): Promise<void> {
  await sweepScratch(deps.scratchPath, deps).catch((thrown: unknown) => {
    deps.log.warn({ event: 'scratch.unswept', err: LifeboatError.from(thrown) }, 'could not sweep the scratch path')
  })
}
