import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { AskOptions } from './ask-targets.ts'

/** Also while nothing comes of it: nobody shall take a slow target for an agent that is away. */
const AGAIN_MS = 1_000

/** Tells what a plan waits for, from the first moment on and once a second, until it is disposed. */
export function tellPlanning({
  report,
}: Pick<Run, 'report'>): { onWait: NonNullable<AskOptions['onWait']> } & Disposable {
  const waiting = new Set<TargetId>()
  const tell = () => {
    const phase = waiting.size === 0 ? 'plan' : `plan: look at ${[...waiting].join(', ')}`
    report({ phase, done: 0, unit: 'checks' })
  }
  tell()
  const timer = setInterval(tell, AGAIN_MS)
  return {
    onWait(targetId, isBegun) {
      if (isBegun) waiting.add(targetId)
      else waiting.delete(targetId)
      tell()
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
