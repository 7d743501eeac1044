import { backupPrefix, type Key, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest, Part } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compareContent } from '@lifeboat/storage/same-content.ts'
import type { Receipt, Target } from '@lifeboat/storage/target.ts'
import type { Lane } from './deps.ts'
import { inParallel } from './parallel.ts'

const QUESTIONS_AT_ONCE = 8

/**
 * Resolves when the target holds every part of the manifest, each with the length and, as far as the store keeps one, the digest it names.
 *
 * Lists once, and again when all that is missing was just being put by this process and that has ended; asks one by one only where a list of
 * this kind of store tells no digest.
 *
 * @throws LifeboatError COPY_INCOMPLETE · TARGET_KEY_TAKEN – other bytes lie under the key of a part
 */
export async function demandParts(
  { target, underWay }: Pick<Lane, 'target' | 'underWay'>,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const owed = partsOf(manifest)
  const listed = await listComplete({ target, underWay }, manifest, owed, signal)
  await inParallel(owed, QUESTIONS_AT_ONCE, async ({ key, part }) => {
    const there = await detailed(target, listed.get(key), key, signal)
    if (compareContent(there, part) !== 'different') return
    const facts = { targetId: target.id, key, expectedBytes: part.bytes, thereBytes: there.bytes }
    throw new LifeboatError('TARGET_KEY_TAKEN', facts)
  })
}

type Owed = readonly { key: Key; part: Part }[]

/** What the target lists, once nothing owed is missing there. */
async function listComplete(
  { target, underWay }: Pick<Lane, 'target' | 'underWay'>,
  { sourceId, backupId }: Manifest,
  owed: Owed,
  signal: AbortSignal,
): Promise<Map<Key, Receipt>> {
  for (;;) {
    const puts = underWay.now()
    const listed = new Map<Key, Receipt>()
    for await (const receipt of target.list(backupPrefix(sourceId, backupId), { signal }))
      listed.set(receipt.key, receipt)
    const missing = owed.filter(({ key }) => !listed.has(key)).map(({ key }) => key)
    if (missing.length === 0) return listed
    if (!missing.every((key) => puts.has(key))) {
      const facts = { backupId, missing: missing.length, of: owed.length, first: missing[0] }
      throw new LifeboatError('COPY_INCOMPLETE', { targetId: target.id, ...facts })
    }
    await Promise.allSettled(missing.map((key) => puts.get(key)))
    signal.throwIfAborted()
  }
}

async function detailed(target: Target, listed: Receipt | undefined, key: Key, signal: AbortSignal): Promise<Receipt> {
  if (listed?.sha256 !== undefined || listed?.md5 !== undefined) return listed
  const there = await target.stat(key, { signal })
  if (there === undefined) throw new LifeboatError('COPY_INCOMPLETE', { targetId: target.id, missing: 1, first: key })
  return there
}

function partsOf({ sourceId, backupId, artifacts }: Manifest): Owed {
  return artifacts.flatMap(({ name, parts }) =>
    parts.map((part) => ({ key: partKey(sourceId, backupId, name, part.no), part })),
  )
}
