import { CompareReport } from '@lifeboat/files/replay/compare-report.ts'
import { ExtractReport } from '@lifeboat/files/replay/extract-report.ts'
import { compareStage, extractStage } from '@lifeboat/files/replay/stages.ts'
import type { Purpose } from '@lifeboat/files/replay/withheld.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'
import type { Artifact, FilesFacts, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { isFull } from '../disk-full.ts'
import type { Reader } from '../fetch/reader.ts'
import { unseal, whole } from '../fetch/unseal.ts'

export type FilesManifest = Manifest & { files: FilesFacts }

/** One archive of the chain: what came of extracting it, and what its list said right after. */
export interface Replayed {
  archive: string
  extracted: ExtractReport
  compared: CompareReport
}

const TROUBLE = { drill: 'DRILL_SCRATCH_UNAVAILABLE', restore: 'RESTORE_DISK_TROUBLE' } as const

/**
 * Extracts every archive of a chain into one folder, oldest first, and holds the folder against the list of each before the next one changes it.
 *
 * @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE – the disk of a drill is full or fails · RECOVERY_DISK_FULL or RESTORE_DISK_TROUBLE – that of a restore · ARTIFACT_… · TARGET_…
 */
export async function replayChain(
  reader: Reader,
  chain: readonly FilesManifest[],
  { folder, purpose }: { folder: string; purpose: Purpose },
): Promise<Replayed[]> {
  const replayed: Replayed[] = []
  for (const manifest of chain) {
    const replay = { purpose, more: manifest !== chain.at(-1) }
    for (const { archive, list } of passesOf(manifest)) {
      const reported = async (artifact: Artifact, stage: Stage) =>
        JSON.parse(await unseal(reader, manifest, artifact, { further: [stage], sink: whole, phase: 'restore' }))
      const extracted = ExtractReport.parse(await reported(archive, extractStage(folder, replay)))
      if (extracted.trouble !== undefined) throw troubleOf(purpose, extracted.trouble)
      const compared = CompareReport.parse(await reported(list, compareStage(folder, replay)))
      replayed.push({ archive: `${manifest.backupId}/${archive.name}`, extracted, compared })
    }
  }
  return replayed
}

/** A full disk of a restore is called so whoever notices first: the program that writes, or who watches the disk. @param problem as the system words it, its code first */
function troubleOf(purpose: Purpose, problem: string): LifeboatError {
  const [systemCode = ''] = problem.split(':', 1)
  if (purpose === 'restore' && isFull(systemCode)) return new LifeboatError('RECOVERY_DISK_FULL', { systemCode })
  return new LifeboatError(TROUBLE[purpose], { problem })
}

/** @throws LifeboatError ARTIFACT_PART_MISSING – an archive without its list, or none at all */
function passesOf({ artifacts, backupId }: FilesManifest): { archive: Artifact; list: Artifact }[] {
  const of = (role: Artifact['role']) => artifacts.filter((each) => each.role === role)
  const [archives, lists] = [of('files'), of('members')]
  if (archives.length === 0 || archives.length !== lists.length)
    throw new LifeboatError('ARTIFACT_PART_MISSING', { backupId, problem: 'an archive lacks its list of members' })
  return archives.map((archive, i) => ({ archive, list: lists[i] as Artifact }))
}
