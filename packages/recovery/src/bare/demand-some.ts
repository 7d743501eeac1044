import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { Sight } from './look.ts'

/** Names are listed in order, so those of one large source hide the others; who mistyped a name does not wait for a million of them. */
const MOST_NAMES = 20_000

/**
 * An empty answer to a name nobody has here reads like a bucket without backups, on the night when that is feared.
 *
 * @throws LifeboatError RECOVERY_NOTHING_THERE with the sources that are there
 */
export async function demandSome(
  { backups, distrusted, objects }: Sight,
  { target, sourceId, signal }: { target: Target; sourceId: SourceId | undefined; signal: AbortSignal },
): Promise<void> {
  if (backups.length + distrusted.length > 0) return
  throw new LifeboatError('RECOVERY_NOTHING_THERE', { sourceId, sources: await sourcesAt(target, signal), objects })
}

async function sourcesAt(target: Target, signal: AbortSignal): Promise<string[]> {
  const found = new Set<string>()
  let names = 0
  for await (const { key } of target.list('', { signal })) {
    const [source, folder] = key.split('/')
    if (source !== undefined && folder === 'backups') found.add(source)
    names += 1
    if (names === MOST_NAMES) break
  }
  return [...found]
}
