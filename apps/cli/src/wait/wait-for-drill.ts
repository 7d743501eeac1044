import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { RunId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { LiveLine } from '../progress/live-line.ts'
import { race } from './race.ts'

/**
 * @param run.since milliseconds UTC; facts before it are not read
 * @returns what the verifier concluded; undefined when the signal fired first
 */
export async function waitForDrill(
  bus: Bus,
  run: { runId: RunId; sourceId: SourceId; since: number },
  opts: { signal: AbortSignal; line: LiveLine },
): Promise<DrillFinished | undefined> {
  let finished: DrillFinished | undefined
  const ended = new AbortController()
  const signal = AbortSignal.any([opts.signal, ended.signal])
  const subjects = [`lifeboat.fact.drill.finished.v1.${run.sourceId}`]
  await race(signal, [
    async () => {
      for await (const { data } of bus.observe({ signal, since: run.since, follow: true, subjects })) {
        const told = DrillFinished.schema.safeParse(data)
        if (!told.success || told.data.runId !== run.runId) continue
        finished = told.data
        ended.abort()
      }
    },
    async () => {
      for await (const report of bus.watchProgress({ signal, runId: run.runId })) opts.line.progress(report, report.at)
    },
  ])
  return finished
}
