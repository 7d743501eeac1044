import type { ConfigPlaces } from '@lifeboat/postgres/cluster-facts.ts'
import { findConfigFiles } from '@lifeboat/postgres/config-files.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { tar } from '@lifeboat/postgres/tools/tar.ts'
import { zstd } from '@lifeboat/postgres/tools/zstd.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRun } from '../backup-run.ts'
import type { BaseToolbox } from '../toolbox.ts'
import { sealedEncoding } from './dump.ts'
import { encryptedInto } from './encrypted-into.ts'

export interface ConfigArchive {
  artifact?: Artifact
  /** What could not be taken and why, a sentence each. */
  left: string[]
}

/**
 * Packs the configuration files outside the data directory. What cannot be read is said and left: the data are worth having without.
 *
 * @throws LifeboatError TOOL_FAILED – a file changed or vanished while it was read
 */
export async function archiveConfig(
  run: BackupRun,
  places: ConfigPlaces | undefined,
  tools: BaseToolbox,
  name: ArtifactName,
): Promise<ConfigArchive> {
  const { files, left } = await findConfigFiles(places, run.source.connection.host)
  if (left.length > 0)
    run.log.warn({ event: 'backup.config_left', left }, 'configuration files could not be taken into the backup')
  if (files.length === 0) return { left }
  const { path: program } = await findProgram('tar', run.search)
  const stages = [tar({ program, files }), zstd({ program: tools.zstd.path, level: 3 })]
  const { result } = await runPipeline(stages, encryptedInto(run.writer(name), run, tools), run)
  return { artifact: { name, role: 'config-files', ...result, encoding: sealedEncoding(stages) }, left }
}
