import type { Obstacle } from '@lifeboat/catalog/audit/wal-stuck.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Lane } from '../deps.ts'
import { putWalFrom, walAt } from '../other-target.ts'

/** Where an object of WAL came from, or why it came from nowhere; neither where somebody else was faster. */
export type Filled =
  | { from: TargetId; bytes: number; why?: undefined }
  | { from?: undefined; why?: undefined }
  | Unfilled

/** Without an `obstacle` the next try may come further. */
export type Unfilled = { from?: undefined; why: string; obstacle?: Obstacle }

/**
 * Puts an object of WAL from the first other target that holds it whole. One that is away, or breaks off, is told in `why`.
 *
 * @param makeRoom before the first put; says why there is none
 * @throws LifeboatError TARGET_… – of the target that is filled
 */
export async function fillFromOthers(
  lanes: readonly Lane[],
  { target }: Lane,
  key: Key,
  makeRoom: () => Promise<Obstacle | undefined>,
  { signal, log }: { signal: AbortSignal; log: Logger },
): Promise<Filled> {
  const away: TargetId[] = []
  let isElsewhere = false
  for (const other of lanes) {
    const from = other.target.id
    if (from === target.id) continue
    try {
      const content = await walAt(other, key, signal)
      if (content === undefined) continue
      isElsewhere = true
      const obstacle = await makeRoom()
      if (obstacle !== undefined) return { why: obstacle.why, obstacle }
      const there = await putWalFrom(other, target, key, content, signal)
      if (there !== undefined) return there.sha256 === content.sha256 ? { from, bytes: there.bytes } : {}
    } catch (thrown) {
      if (!LifeboatError.is(thrown, 'PART_GONE')) throw thrown
      log.warn({ event: 'wal.unreadable', targetId: from, key, err: thrown }, 'WAL could not be read')
      away.push(from)
    }
  }
  const none = 'no other target has it whole'
  if (away.length > 0) return { why: `${away.join(', ')} could not be read, and ${none}` }
  // What somebody else put here meanwhile may be damaged as well.
  return isElsewhere ? { why: none } : { why: none, obstacle: { reason: 'nowhere', why: none } }
}
