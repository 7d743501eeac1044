import { backupPrefix, type Key, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest, Part } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compareContent } from '@lifeboat/storage/same-content.ts'
import type { Receipt, Target } from '@lifeboat/storage/target.ts'
import { inParallel } from './parallel.ts'

const QUESTIONS_AT_ONCE = 8

/**
 * Resolves when the target holds every part of the manifest, each with the length and, as far as the store keeps one, the digest it names.
 *
 * Lists once; asks one by one only where a list of this kind of store tells no digest.
 *
 * @throws LifeboatError COPY_INCOMPLETE · TARGET_KEY_TAKEN – other bytes lie under the key of a part
 */
export async function demandParts(target: Target, manifest: Manifest, signal: AbortSignal): Promise<void> {
  const { sourceId, backupId } = manifest
  const listed = new Map<Key, Receipt>()
  for await (const receipt of target.list(backupPrefix(sourceId, backupId), { signal }))
    listed.set(receipt.key, receipt)
  const owed = partsOf(manifest)
  const missing = owed.filter(({ key }) => !listed.has(key))
  if (missing.length > 0) {
    const facts = { backupId, missing: missing.length, of: owed.length, first: missing[0]?.key }
    throw new LifeboatError('COPY_INCOMPLETE', { targetId: target.id, ...facts })
  }
  await inParallel(owed, QUESTIONS_AT_ONCE, async ({ key, part }) => {
    const there = await detailed(target, listed.get(key), key, signal)
    if (compareContent(there, part) !== 'different') return
    const facts = { targetId: target.id, key, expectedBytes: part.bytes, thereBytes: there.bytes }
    throw new LifeboatError('TARGET_KEY_TAKEN', facts)
  })
}

async function detailed(target: Target, listed: Receipt | undefined, key: Key, signal: AbortSignal): Promise<Receipt> {
  if (listed?.sha256 !== undefined || listed?.md5 !== undefined) return listed
  const there = await target.stat(key, { signal })
  if (there === undefined) throw new LifeboatError('COPY_INCOMPLETE', { targetId: target.id, missing: 1, first: key })
  return there
}

function partsOf({ sourceId, backupId, artifacts }: Manifest): { key: Key; part: Part }[] {
  return artifacts.flatMap(({ name, parts }) =>
    parts.map((part) => ({ key: partKey(sourceId, backupId, name, part.no), part })),
  )
}
