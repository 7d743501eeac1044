import { CompareReport } from '@lifeboat/files/replay/compare-report.ts'
import { ExtractReport } from '@lifeboat/files/replay/extract-report.ts'
import { compareStage, extractStage } from '@lifeboat/files/replay/stages.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'
import { unseal, whole } from '@lifeboat/recovery/fetch/unseal.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { readerOf } from '../../reader.ts'
import type { FilesManifest } from './fetch-files-chain.ts'

/** One archive of the chain: what came of extracting it, and what its list said right after. */
export interface Replayed {
  archive: string
  extracted: ExtractReport
  compared: CompareReport
}

/**
 * Extracts every archive of a chain into one folder, oldest first, and holds the folder against the list of each before the next one changes it.
 *
 * @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE – the disk is full or fails · ARTIFACT_… · TARGET_…
 */
export async function replayChain(drill: Drill, chain: readonly FilesManifest[], folder: string): Promise<Replayed[]> {
  const replayed: Replayed[] = []
  for (const manifest of chain)
    for (const { archive, list } of passesOf(manifest)) {
      const reported = async (artifact: Artifact, stage: Stage) =>
        JSON.parse(
          await unseal(readerOf(drill), manifest, artifact, { further: [stage], sink: whole, phase: 'restore' }),
        )
      const extracted = ExtractReport.parse(await reported(archive, extractStage(folder)))
      if (extracted.trouble !== undefined)
        throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { problem: extracted.trouble })
      const compared = CompareReport.parse(await reported(list, compareStage(folder)))
      replayed.push({ archive: `${manifest.backupId}/${archive.name}`, extracted, compared })
    }
  return replayed
}

/** @throws LifeboatError ARTIFACT_PART_MISSING – an archive without its list, or none at all */
function passesOf({ artifacts, backupId }: FilesManifest): { archive: Artifact; list: Artifact }[] {
  const of = (role: Artifact['role']) => artifacts.filter((each) => each.role === role)
  const [archives, lists] = [of('files'), of('members')]
  if (archives.length === 0 || archives.length !== lists.length)
    throw new LifeboatError('ARTIFACT_PART_MISSING', { backupId, problem: 'an archive lacks its list of members' })
  return archives.map((archive, i) => ({ archive, list: lists[i] as Artifact }))
}
