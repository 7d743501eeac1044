/** Waits for something, or until the signal fires; then it rejects with its reason, and what was waited for is left to itself. */
export async function orAborted<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
  // Left to itself from the beginning, it may fail unheard.
  wait.catch(() => {})
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const fire = () => reject(signal.reason)
  signal.addEventListener('abort', fire, { once: true })
  try {
    return await Promise.race([wait, promise])
  } finally {
    signal.removeEventListener('abort', fire)
  }
}
