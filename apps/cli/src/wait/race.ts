/** Runs loops side by side until the signal fires; the first error ends them all and is thrown. */
export async function race(signal: AbortSignal, loops: readonly (() => Promise<void>)[]): Promise<void> {
  const fired = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const failed = Promise.all(loops.map((loop) => loop())).then(() => fired)
  await Promise.race([fired, failed])
}
