import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Reader } from '../fetch/reader.ts'
import { problemOfTree } from '../files/judge-replayed.ts'
import { ontoDisk } from '../files/onto-disk.ts'
import { replayChain } from '../files/replay-chain.ts'
import { claimPlace } from './claim-place.ts'
import type { PlannedFiles } from './plan-files.ts'

export interface FilesBack {
  /** It holds what was below the root of the source. */
  folder: string
  /** Read back from the disk and compared, over all backups of the chain. */
  compared: { files: number; bytes: number }
}

/**
 * Puts a planned tree together in an empty folder, and compares it with the lists of what was archived. On any difference, any failure and on abort the folder
 * is empty again.
 *
 * @throws LifeboatError RECOVERY_UNLIKE | RECOVERY_PLACE_TAKEN | RECOVERY_DISK_FULL | RESTORE_DISK_TROUBLE | ARTIFACT_… | TARGET_… | TOOL_…
 */
export async function recoverFiles(
  reader: Reader,
  { chain }: PlannedFiles,
  folder: string,
  onPhase: (phase: string) => void,
): Promise<FilesBack> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  await using place = await claimPlace(folder, { uid, gid })
  onPhase('restore')
  const replayed = await replayChain(reader, chain, { folder, purpose: 'restore' })
  const problem = problemOfTree(replayed)
  if (problem !== undefined) throw new LifeboatError('RECOVERY_UNLIKE', { differences: [problem], folder })
  await ontoDisk(folder, reader, reader.run)
  reader.run.signal.throwIfAborted()
  place.keep()
  const sum = (of: 'files' | 'bytes') => replayed.reduce((total, { compared }) => total + compared[of], 0)
  return { folder, compared: { files: sum('files'), bytes: sum('bytes') } }
}
