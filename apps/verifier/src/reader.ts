import type { Reader } from '@lifeboat/recovery/fetch/reader.ts'
import type { Drill } from './drill.ts'

/**
 * The eyes of a drill: what they fetch and how long that takes stands in the findings. The agent encrypts by itself; that a person with the age program can open it is for
 * the drill to show.
 */
export function readerOf({ target, run, deps, workDir, tools, findings }: Drill): Reader {
  const { identity, toolPaths } = deps
  return {
    ...{ target, run, identity, workDir, toolPaths, tools, byProgram: true },
    arrived(bytes) {
      findings.firstByteAt ??= performance.now()
      findings.bytesFetched += bytes
    },
    spent(on, ms) {
      findings.phases[on] = Math.round((findings.phases[on] ?? 0) + ms)
    },
  }
}
