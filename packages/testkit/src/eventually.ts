import { setTimeout as pause } from 'node:timers/promises'

const ASK_EVERY_MS = 100

/** Repeats a check until it no longer throws and gives what it gave; after `withinMs` the last error is the test's. */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 240_000): Promise<T> {
  for (const end = performance.now() + withinMs; ; await pause(ASK_EVERY_MS)) {
    try {
      return await check()
    } catch (err) {
      if (performance.now() > end) throw err
    }
  }
}

/** Asks again until the answer pleases; when it does not within the time, the error shows the last answer. */
export function until<T>(ask: () => T | Promise<T>, pleases: (answer: T) => boolean, withinMs = 240_000): Promise<T> {
  return eventually(async () => {
    const answer = await ask()
    if (!pleases(answer)) throw new Error(`still not so after ${withinMs} ms: ${JSON.stringify(answer)}`)
    return answer
  }, withinMs)
}
