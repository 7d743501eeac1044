import type { Run } from './run.ts'

/** Does several things beside one another. The first that fails ends the others by their signal, and is thrown once all have ended. */
export async function together<R extends Pick<Run, 'signal'>>(
  run: R,
  works: readonly ((run: R) => Promise<unknown>)[],
): Promise<void> {
  const failed = new AbortController()
  const joint = { ...run, signal: AbortSignal.any([run.signal, failed.signal]) }
  await Promise.all(works.map((work) => work(joint).catch((thrown: unknown) => failed.abort(thrown))))
  joint.signal.throwIfAborted()
}
