import { z } from 'zod'
import type { Bucket, BucketDefinition, Bus } from '../bus/bus.ts'
import { Moment, RunId } from '../domain/ids.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'

export const Cancel = z.object({
  runId: RunId,
  /** Becomes RUN_CANCELLED or RUN_OVERDUE in the run itself. */
  why: z.enum(['cancelled', 'overdue']),
  /** Who asked, for the log. */
  by: z.string(),
  at: Moment,
})
export type Cancel = z.infer<typeof Cancel>

/** A wish waits at most as long as its stream keeps it, so a cancel outlives every wish it may meet. */
export const CANCELS_BUCKET: BucketDefinition<Cancel> = {
  name: 'lifeboat_cancels',
  summary: 'Runs that shall end, by run id; every run watches it.',
  schema: Cancel,
  maxAgeMs: 14 * 24 * 3_600_000,
}

export interface Cancels {
  /** Fires RUN_CANCELLED or RUN_OVERDUE; already fired when the run was cancelled before it began. */
  of(runId: RunId): AbortSignal
  /** Asks whoever works on the run to end it. Asking twice is fine. */
  cancel(cancel: Cancel): Promise<void>
}

/**
 * Watches all cancels until `signal` fires; resolves when the present ones are known, so that no cancelled run begins.
 *
 * @throws LifeboatError BUS_UNREACHABLE
 */
export async function openCancels(bus: Bus, opts: { signal: AbortSignal; log: Logger }): Promise<Cancels> {
  const bucket = await bus.bucket(CANCELS_BUCKET)
  const runs = new Map<string, AbortController>()
  const controllerOf = (runId: string) => {
    const found = runs.get(runId) ?? new AbortController()
    runs.set(runId, found)
    return found
  }
  const follow = (caughtUp: () => void) =>
    watchCancels(bucket, { signal: opts.signal, caughtUp }, (cancel) =>
      controllerOf(cancel.runId).abort(reasonOf(cancel)),
    )
  await new Promise<void>((resolve, reject) => {
    follow(resolve).catch((err: unknown) => {
      reject(err)
      opts.log.error({ event: 'cancels.unwatched', err }, 'cancels cannot be watched any more')
    })
  })
  return {
    of: (runId) => controllerOf(runId).signal,
    cancel: async (cancel) => void (await bucket.put(cancel.runId, cancel)),
  }
}

async function watchCancels(
  bucket: Bucket<Cancel>,
  opts: { signal: AbortSignal; caughtUp: () => void },
  meet: (cancel: Cancel) => void,
): Promise<void> {
  for await (const { value } of bucket.watch(opts)) if (value) meet(value)
  opts.caughtUp()
}

function reasonOf({ runId, why, by }: Cancel): LifeboatError {
  return new LifeboatError(why === 'overdue' ? 'RUN_OVERDUE' : 'RUN_CANCELLED', { runId, by })
}
