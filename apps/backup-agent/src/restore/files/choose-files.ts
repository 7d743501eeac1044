import { takeInventory } from '@lifeboat/recovery/fetch/inventory.ts'
import { type FilesPicked, pickFiles } from '@lifeboat/recovery/files/pick-files.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { type Asking, type Choose, type CopyChosen, type CopyWanted, chooseCopy, newestUnless } from '../choose-copy.ts'

/** A state of a tree that is whole at its target with all it is built on, and proven unless the operator said otherwise. */
export function chooseFiles(
  wanted: CopyWanted & { before?: Moment | undefined },
  by: Asking,
): Promise<CopyChosen<FilesPicked>> {
  const choose: Choose<FilesPicked> = async (sight, target, signal) => {
    const picked = pickFiles(sight, wanted)
    for (const { manifest } of picked.chain) await takeInventory(target, manifest, signal)
    return picked
  }
  return chooseCopy(wanted, by, choose, newestUnless(wanted.backupId))
}
