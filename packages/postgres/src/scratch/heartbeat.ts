import { stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const HEARTBEAT = 'heartbeat'
const BEAT_MS = 5_000
/** Whoever has not touched its heartbeat for this long is dead. Clocks of machines that share a volume must agree better than that. */
export const SILENT_MS = 120_000

/** Tells by the age of a file that the maker of a folder lives: a sweep in another container, or on another machine, sees no pid of ours. */
export async function startHeartbeat(folder: string): Promise<AsyncDisposable> {
  const file = join(folder, HEARTBEAT)
  await writeFile(file, '')
  let beat = Promise.resolve()
  const timer = setInterval(() => {
    const now = new Date()
    // A folder that is gone has nobody left to tell.
    beat = utimes(file, now, now).catch(() => {})
  }, BEAT_MS)
  timer.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await beat
    },
  }
}

/** Milliseconds UTC; undefined when there never was a beat. */
export async function lastBeat(folder: string): Promise<number | undefined> {
  return stat(join(folder, HEARTBEAT)).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  )
}
