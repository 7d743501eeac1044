import { backupPrefix, expiredPrefix, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Mark } from '@lifeboat/shared/domain/retention.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { inParallel } from '../parallel.ts'

const AT_ONCE = 8

/**
 * The manifest first: from then on the backup does not exist. Then everything else of it, and the tombstones last, so that what a killed process
 * left can be told from a backup that is on its way. Done twice, or by two at once, it comes to the same.
 *
 * Evidence stays: it is small, and says for years that the backup was good.
 *
 * @throws LifeboatError TARGET_HELD – `whole: true` when the manifest was locked and nothing is gone
 */
export async function removeCopy(
  target: Target,
  { sourceId, backupId }: Pick<Mark, 'sourceId' | 'backupId'>,
  signal: AbortSignal,
): Promise<{ objects: number; bytes: number }> {
  const manifest = manifestKey(sourceId, backupId)
  await target.remove(manifest, { signal }).catch((thrown: unknown) => {
    if (!LifeboatError.is(thrown, 'TARGET_HELD')) throw thrown
    throw new LifeboatError('TARGET_HELD', { ...thrown.facts, whole: true }, { cause: thrown })
  })
  const gone = { objects: 1, bytes: 0 }
  for (const prefix of [backupPrefix(sourceId, backupId), expiredPrefix(sourceId, backupId)]) {
    const listed = await Array.fromAsync(target.list(prefix, { signal }))
    await inParallel(listed, AT_ONCE, async ({ key, bytes }) => {
      await target.remove(key, { signal })
      gone.objects += 1
      gone.bytes += bytes
    })
  }
  return gone
}
