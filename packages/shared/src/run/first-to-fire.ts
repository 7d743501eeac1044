/**
 * A signal that fires with the reason of whichever of `signals` fired first.
 *
 * NOTE: `AbortSignal.any` of Node 24 does not promise that: asked late, it gives the reason of the first *listed* one (create-run.test.ts
 * shows it), and a cancelled run would pass for one that a deploy interrupted. Its sources are also long-lived here, hence the disposing.
 */
export function firstToFire(signals: readonly AbortSignal[]): { signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  const forgets = signals.map((source) => {
    const fire = () => controller.abort(source.reason)
    if (source.aborted) fire()
    source.addEventListener('abort', fire, { once: true })
    return () => source.removeEventListener('abort', fire)
  })
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const forget of forgets) forget()
    },
  }
}
