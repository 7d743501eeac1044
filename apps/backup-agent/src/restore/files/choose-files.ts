import { takeInventory } from '@lifeboat/recovery/fetch/inventory.ts'
import { type FilesPicked, pickFiles } from '@lifeboat/recovery/files/pick-files.ts'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import type { AgentConfig, RestoreConfig } from '../../config.ts'
import { type CopyChosen, type CopyWanted, chooseCopy } from '../choose-copy.ts'

/** A state of a tree that is whole at its target with all it is built on, and proven unless the operator said otherwise. */
export function chooseFiles(
  wanted: CopyWanted & { before?: Moment | undefined },
  by: { cfg: AgentConfig; restore: RestoreConfig; signal: AbortSignal },
): Promise<CopyChosen<FilesPicked>> {
  return chooseCopy(wanted, by, async (sight, target) => {
    const picked = pickFiles(sight, wanted)
    for (const { manifest } of picked.chain) await takeInventory(target, manifest, by.signal)
    return picked
  })
}
