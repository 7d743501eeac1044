import type { Run } from './run.ts'

export interface EndingTogether<R> {
  /** The run, whose signal fires also once one of the works has failed; the reason is what that threw. */
  joint: R
  /** Makes a work one of them. */
  failing<T>(work: Promise<T>): Promise<T>
}

/** Works that go on side by side: the first that fails ends the others, and its error is the reason. */
export function endingTogether<R extends Pick<Run, 'signal'>>(run: R): EndingTogether<R> {
  const failed = new AbortController()
  return {
    joint: { ...run, signal: AbortSignal.any([run.signal, failed.signal]) },
    failing(work) {
      work.catch((thrown: unknown) => failed.abort(thrown))
      return work
    },
  }
}

/** Does several things so. What failed first is thrown once all have ended. */
export async function together<R extends Pick<Run, 'signal'>>(
  run: R,
  works: readonly ((joint: R) => Promise<unknown>)[],
): Promise<void> {
  const { joint, failing } = endingTogether(run)
  await Promise.allSettled(works.map((work) => failing(work(joint))))
  joint.signal.throwIfAborted()
}
