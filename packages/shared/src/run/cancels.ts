import { z } from 'zod'
import type { Bucket, BucketDefinition, Bus } from '../bus/bus.ts'
import { Moment, RunId } from '../domain/ids.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'

export const Cancel = z.object({
  runId: RunId,
  /** Becomes RUN_CANCELLED or RUN_OVERDUE in the run itself. */
  why: z.enum(['cancelled', 'overdue']),
  /** Who says to have asked: nothing here is signed. */
  by: z.string(),
  /** In the words of whoever asked. */
  reason: z.string().max(1000).optional(),
  at: Moment,
})
export type Cancel = z.infer<typeof Cancel>

/** A wish waits at most as long as its stream keeps it, so a cancel outlives every wish it may meet. */
const KEPT_MS = 14 * 24 * 3_600_000

export const CANCELS_BUCKET: BucketDefinition<Cancel> = {
  name: 'lifeboat_cancels',
  summary: 'Runs that shall end, by run id; every run watches it.',
  schema: Cancel,
  maxAgeMs: KEPT_MS,
}

export interface Cancels {
  /** Fires RUN_CANCELLED or RUN_OVERDUE; already fired when the run was cancelled before it began. Dispose it when the run is over. */
  of(runId: RunId): { signal: AbortSignal } & Disposable
  /** How many runs listen. */
  readonly listening: number
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
  const asked = new Map<string, Cancel>()
  const runs = new Map<AbortController, RunId>()
  const note = (runId: string, cancel: Cancel | undefined) => {
    forgetOld(asked)
    if (cancel === undefined) return void asked.delete(runId)
    asked.set(runId, cancel)
    for (const [run, id] of runs) if (id === runId) run.abort(reasonOf(cancel))
  }
  const follow = (caughtUp: () => void) => watchCancels(bucket, { signal: opts.signal, caughtUp }, note)
  await new Promise<void>((resolve, reject) => {
    follow(resolve).catch((err: unknown) => {
      reject(err)
      opts.log.error({ event: 'cancels.unwatched', err }, 'cancels cannot be watched any more')
    })
  })
  return {
    of(runId) {
      const run = new AbortController()
      const cancel = asked.get(runId)
      if (cancel) run.abort(reasonOf(cancel))
      else runs.set(run, runId)
      return { signal: run.signal, [Symbol.dispose]: () => void runs.delete(run) }
    },
    get listening() {
      return runs.size
    },
    cancel: async (cancel) => void (await bucket.put(cancel.runId, cancel)),
  }
}

async function watchCancels(
  bucket: Bucket<Cancel>,
  opts: { signal: AbortSignal; caughtUp: () => void },
  note: (runId: string, cancel: Cancel | undefined) => void,
): Promise<void> {
  for await (const { key, value } of bucket.watch(opts)) note(key, value)
  opts.caughtUp()
}

/** What the bucket itself let go: it does not say so to whoever watches. */
function forgetOld(asked: Map<string, Cancel>): void {
  const oldest = Date.now() - KEPT_MS
  for (const [runId, { at }] of asked) if (Date.parse(at) < oldest) asked.delete(runId)
}

function reasonOf({ runId, why, by, reason }: Cancel): LifeboatError {
  const facts = { runId, by, ...(reason !== undefined && { reason }) }
  return new LifeboatError(why === 'overdue' ? 'RUN_OVERDUE' : 'RUN_CANCELLED', facts)
}
