import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { type Key, sourceBackupsPrefix } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openManifest, type Trust } from '@lifeboat/shared/signing/open-manifest.ts'
import { LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { PhysicalManifest } from './extract/extract-backup.ts'
import type { Reader } from './fetch/reader.ts'

/**
 * The physical backups a target holds of one source: those with a manifest its agent signed. What anybody else put there is passed over.
 *
 * @throws LifeboatError TARGET_…
 */
export async function listPhysicalBackups(
  reader: Reader,
  sourceId: SourceId,
  trust: Trust,
): Promise<PhysicalManifest[]> {
  const { target, run } = reader
  const found: PhysicalManifest[] = []
  for await (const { key } of target.list(sourceBackupsPrefix(sourceId), { signal: run.signal })) {
    if (!key.endsWith('/manifest.json')) continue
    const manifest = await readTrusted(reader, key, trust).catch((thrown: unknown) => {
      if (!LifeboatError.is(thrown, 'MANIFEST_TAMPERED')) throw thrown
      run.log.warn(
        { event: 'recovery.manifest-ignored', key, err: thrown },
        'a manifest that cannot be trusted is passed over',
      )
      return undefined
    })
    const { physical, server, database } = manifest ?? {}
    if (physical && server && database !== undefined) found.push(manifest as PhysicalManifest)
  }
  return found
}

async function readTrusted({ target, run }: Reader, key: Key, trust: Trust): Promise<Manifest> {
  const body = await target.get(key, { signal: run.signal })
  return openManifest(await readSmall(body, key, LONGEST_MANIFEST_BYTES), key, trust)
}
