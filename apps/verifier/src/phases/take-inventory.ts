import { createHash } from 'node:crypto'
import { backupPrefix, documentKey, type Key, manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { passed } from '../findings.ts'
import { fetchSmall } from './fetch-manifest.ts'

/**
 * Compares what lies at the target with what the manifest lists: nothing missing, nothing shorter or longer, nothing more. A surplus
 * object counts, because the commands of RECOVER.md take every file of an artifact's name.
 *
 * Costs one listing, so that a copy with a hole is found before anything is fetched or started.
 */
export async function takeInventory(drill: Drill, manifest: Manifest): Promise<void> {
  await drill.findings.ask({ check: 'digests', subject: 'inventory' }, async () => {
    const expected = expectedObjects(manifest)
    const surplus: Key[] = []
    const seen = new Set<Key>()
    const prefix = backupPrefix(manifest.sourceId, manifest.backupId)
    for await (const { key, bytes } of drill.target.list(prefix, { signal: drill.run.signal })) {
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
    return { value: undefined, ...passed(`All ${expected.size} objects are there with their sizes, and nothing else.`) }
  })
}

/** The readable files beside the artifacts, RECOVER.md above all: somebody will follow it in an emergency. */
export async function checkDocuments(drill: Drill, manifest: Manifest): Promise<void> {
  await drill.findings.ask({ check: 'digests', subject: 'documents' }, async () => {
    for (const { name, sha256 } of manifest.documents) {
      const key = documentKey(manifest.sourceId, manifest.backupId, name)
      const bytes = await fetchSmall(drill, key, 'ARTIFACT_PART_MISSING')
      const found = createHash('sha256').update(bytes).digest('hex')
      if (found !== sha256) throw new LifeboatError('ARTIFACT_DIGEST_MISMATCH', { key, expected: sha256, found })
    }
    return { value: undefined, ...passed(`All ${manifest.documents.length} documents are as they were sealed.`) }
  })
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
