import { backupPrefix, documentKey, type Key, manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/**
 * Compares what lies at the target with what the manifest lists: nothing missing, nothing shorter or longer, nothing more. A surplus
 * object counts, because the commands of RECOVER.md take every file of an artifact's name.
 *
 * Costs one listing, so that a copy with a hole is found before anything is fetched or started.
 *
 * @returns how many objects there are
 * @throws LifeboatError ARTIFACT_TRUNCATED | ARTIFACT_PART_MISSING | ARTIFACT_SURPLUS_PART | TARGET_…
 */
export async function takeInventory(target: Target, manifest: Manifest, signal: AbortSignal): Promise<number> {
  const expected = expectedObjects(manifest)
  const surplus: Key[] = []
  const seen = new Set<Key>()
  for await (const { key, bytes } of target.list(backupPrefix(manifest.sourceId, manifest.backupId), { signal })) {
    seen.add(key)
    const should = expected.get(key)
    if (should === undefined && !expected.has(key)) surplus.push(key)
    else if (should !== undefined && should !== bytes)
      throw new LifeboatError('ARTIFACT_TRUNCATED', {
        key,
        expectedBytes: should,
        foundBytes: bytes,
        problem: `${bytes} bytes instead of ${should}`,
      })
  }
  const missing = [...expected.keys()].filter((key) => !seen.has(key))
  if (missing.length > 0)
    throw new LifeboatError('ARTIFACT_PART_MISSING', {
      key: missing[0],
      missing: missing.slice(0, 20),
      count: missing.length,
    })
  if (surplus.length > 0)
    throw new LifeboatError('ARTIFACT_SURPLUS_PART', {
      key: surplus[0],
      surplus: surplus.slice(0, 20),
      count: surplus.length,
    })
  return expected.size
}

/** Size by key; the manifest's own size is told by nobody. */
function expectedObjects({ sourceId, backupId, artifacts, documents }: Manifest): Map<Key, number | undefined> {
  return new Map<Key, number | undefined>([
    [manifestKey(sourceId, backupId), undefined],
    ...documents.map(({ name, bytes }) => [documentKey(sourceId, backupId, name), bytes] as const),
    ...artifacts.flatMap(({ name, parts }) =>
      parts.map(({ no, bytes }) => [partKey(sourceId, backupId, name, no), bytes] as const),
    ),
  ])
}
