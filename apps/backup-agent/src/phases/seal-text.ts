import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { age } from '@lifeboat/postgres/tools/age.ts'
import { zstd } from '@lifeboat/postgres/tools/zstd.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRun } from '../backup-run.ts'
import type { BaseToolbox } from '../toolbox.ts'
import { encodingOf } from './dump.ts'

/** Compresses and encrypts a text that is already here into an artifact of its own. */
export async function sealText(
  run: BackupRun,
  tools: BaseToolbox,
  what: { name: ArtifactName; role: Artifact['role']; text: string; from: string },
): Promise<Artifact> {
  const stages = [
    zstd({ program: tools.zstd.path, level: 3 }),
    age({ program: tools.age.path, recipients: run.recipients }),
  ]
  async function* input() {
    yield Buffer.from(what.text, 'utf8')
  }
  const { result } = await runPipeline(stages, run.writer(what.name), run, { input: input() })
  return { name: what.name, role: what.role, ...result, encoding: [what.from, ...encodingOf(stages)] }
}
