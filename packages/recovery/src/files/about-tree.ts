import { dirname } from 'node:path'
import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { existingParent, freeBytesAt, type Loss } from '../bare/bare-plan.ts'
import type { FilesPicked } from './pick-files.ts'

/** A file takes whole blocks of its disk. */
const BLOCK_BYTES = 4096
/** A disk filled to its last megabyte breaks more than a restore. */
const SPARE_BYTES = 64 * 1024 ** 2

/** What a tree takes of the disk it is put together on. At most: what a later backup of the chain brings anew may take the place of what an earlier one brought. */
export async function roomForTree({ chain }: FilesPicked, folder: string) {
  const path = await existingParent(dirname(folder))
  const contents = chain.reduce(
    (sum, { manifest: { files } }) => sum + files.bytes + BLOCK_BYTES * (files.files + files.folders),
    0,
  )
  return { path, neededBytes: contents + SPARE_BYTES, freeBytes: await freeBytesAt(path) }
}

export function treeLoss(until: Moment, nowMs: number): Required<Loss> {
  const ago = formatDuration(Math.max(0, nowMs - Date.parse(until)))
  return { until, sentence: `What was written after ${until} (${ago} ago) is not in it.` }
}

/** What the backup itself says is not in it. */
export function lackingNotes({ seen }: FilesPicked): string[] {
  const { files } = seen.manifest
  const lacking = (['unreadable', 'too-large', 'other-filesystem', 'special', 'vanished'] as const).flatMap((kind) => {
    const count = files.notices[kind]?.count ?? 0
    return count === 0 ? [] : [`${count} ${kind}`]
  })
  return lacking.length === 0 ? [] : [`Not in the backup: ${lacking.join(', ')}; \`lifeboat backup show\` names them.`]
}
