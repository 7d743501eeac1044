import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { busSubject, type MessageType } from '@lifeboat/shared/bus/define-message.ts'
import type { LiveLine } from '../progress/live-line.ts'
import { race } from './race.ts'
import { WHEN_QUIET } from './when-quiet.ts'

export interface Awaited<T> {
  type: MessageType<T>
  route: string
  fits: (fact: T) => boolean
  /** Whose progress is shown meanwhile. */
  runId: string
  /** Milliseconds UTC; facts before it are not read. */
  since: number
}

/** @returns the fact that was waited for; undefined when the signal fired first */
export async function waitForFact<T>(
  bus: Bus,
  { type, route, fits, runId, since }: Awaited<T>,
  opts: { signal: AbortSignal; line: LiveLine },
): Promise<T | undefined> {
  let found: T | undefined
  const ended = new AbortController()
  const signal = AbortSignal.any([opts.signal, ended.signal])
  const subjects = [busSubject(type, route)]
  using _quiet = opts.line.whenQuiet(WHEN_QUIET)
  await race(signal, [
    async () => {
      for await (const { data } of bus.observe({ signal, since, follow: true, subjects })) {
        const told = type.schema.safeParse(data)
        if (!told.success || !fits(told.data)) continue
        found = told.data
        ended.abort()
      }
    },
    async () => {
      for await (const report of bus.watchProgress({ signal, runId })) opts.line.progress(report, report.at)
    },
  ])
  return found
}
