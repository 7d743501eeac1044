import { createHash } from 'node:crypto'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { documentKey, type Key, manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { manifestInside } from '@lifeboat/shared/signing/manifest-inside.ts'
import { LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** What reading all of a copy came to. */
export interface CopyReading {
  found: 'whole' | 'missing' | 'damaged'
  /** Absent of a whole copy. */
  problem?: string
  /** Read, the manifest included. */
  bytes: number
}

export type Announced = Pick<BackupRecord, 'sourceId' | 'backupId' | 'manifestSha256'>

/**
 * Reads every byte of one copy, one object after the other, and compares it with the digests of the manifest, and the manifest with the digest its agent
 * announced. Stops at the first object that is wrong: the copy has to be made anew then, and that reads all of it again.
 *
 * @param opts.progress hears of bytes as they come
 * @throws LifeboatError TARGET_… – the target cannot be read, which says nothing about the copy
 */
export async function readCopy(
  target: Target,
  { sourceId, backupId, manifestSha256 }: Announced,
  opts: { signal: AbortSignal; progress?: (bytes: number) => void },
): Promise<CopyReading> {
  const { signal, progress } = opts
  const key = manifestKey(sourceId, backupId)
  let bytes = 0
  const count = (more: number) => {
    bytes += more
    progress?.(more)
  }
  try {
    const envelope = await readSmall(await target.get(key, { signal }), key, LONGEST_MANIFEST_BYTES)
    count(envelope.byteLength)
    if (createHash('sha256').update(envelope).digest('hex') !== manifestSha256)
      return { found: 'damaged', problem: 'its manifest is not the one that was announced', bytes }
    for (const { key, sha256 } of contentsOf(manifestInside(envelope)))
      if ((await digestOf(target, key, signal, count)) !== sha256)
        return { found: 'damaged', problem: `the bytes of ${nameOf(key)} are not those of the manifest`, bytes }
    return { found: 'whole', bytes }
  } catch (thrown) {
    if (LifeboatError.is(thrown, 'MANIFEST_TAMPERED'))
      return { found: 'damaged', problem: 'its manifest cannot be read', bytes }
    if (!LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')) throw thrown
    const gone = String(thrown.facts.key)
    if (gone === key) return { found: 'missing', problem: 'its manifest is not there', bytes }
    return { found: 'damaged', problem: `${nameOf(gone)} is not there`, bytes }
  }
}

function* contentsOf({ sourceId, backupId, artifacts, documents }: Manifest): Generator<{ key: Key; sha256: string }> {
  for (const { name, parts } of artifacts)
    for (const { no, sha256 } of parts) yield { key: partKey(sourceId, backupId, name, no), sha256 }
  for (const { name, sha256 } of documents) yield { key: documentKey(sourceId, backupId, name), sha256 }
}

async function digestOf(
  target: Target,
  key: Key,
  signal: AbortSignal,
  count: (bytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of (await target.get(key, { signal })) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    count(chunk.byteLength)
  }
  return hash.digest('hex')
}

function nameOf(key: Key): string {
  return key.slice(key.lastIndexOf('/') + 1)
}
