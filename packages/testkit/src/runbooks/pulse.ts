import { setTimeout as pause } from 'node:timers/promises'

const EVERY_MS = 50
const MAKE = 'CREATE TABLE IF NOT EXISTS pulse (at timestamptz NOT NULL)'
const BEAT = 'INSERT INTO pulse VALUES (clock_timestamp()) RETURNING at'

/** The last moment a database knows of, milliseconds UTC. */
export const LAST_BEAT = 'SELECT extract(epoch FROM max(at)) * 1000 AS at FROM pulse'

/** Somebody who commits all the time: what a recovered database does not know of was lost. */
export interface Pulse {
  /** @returns when the last commit was that the server acknowledged, milliseconds UTC */
  stop(): Promise<number>
}

export function startPulse(query: (sql: string) => Promise<{ at?: Date }[]>): Pulse {
  let stopping = false
  const beating = (async () => {
    await query(MAKE)
    for (let last = Number.NaN; ; await pause(EVERY_MS)) {
      if (stopping) return last
      const [beat] = await query(BEAT)
      last = beat?.at?.getTime() ?? last
    }
  })()
  // Who waits for it hears of an error.
  beating.catch(() => {})
  return {
    stop() {
      stopping = true
      return beating
    },
  }
}
