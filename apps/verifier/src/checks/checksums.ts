import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { type Answer, failed, passed, skipped } from '../findings.ts'

/** Does every page hold what its checksum says? Asked of the stopped cluster, after the WAL has mended what the backup caught half-written. */
export async function checkChecksums(
  drill: Pick<Drill, 'run' | 'tools'>,
  { tools }: ScratchRoom,
  dataDir: string,
  { checksums }: Pick<PhysicalFacts, 'checksums'>,
): Promise<Answer> {
  if (!checksums.enabled)
    return skipped('The cluster has no data checksums; `initdb --data-checksums` or pg_checksums turns them on.')
  const { path, versionLine } = await tools.program('pg_checksums')
  drill.tools.pg_checksums = versionLine
  const bad: string[] = []
  const onStderr = (_: string, line: string) => {
    if (/checksum verification failed/.test(line))
      bad.push(line.replace(/^.*checksum verification failed in file /, ''))
  }
  const stage = { tool: 'pg_checksums', program: path, args: ['--check', '-D', dataDir], env: BASE_ENV }
  try {
    await runPipeline([stage], drain, drill.run, { onStderr })
    return passed('Every page holds what its checksum says.')
  } catch (thrown) {
    if (bad.length === 0) throw LifeboatError.from(thrown)
    return failed(`${bad.length} pages are damaged: ${bad.slice(0, 5).join('; ')}.`)
  }
}
