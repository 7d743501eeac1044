import type { FleetId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { type Key, manifestKey, sourceBackupsPrefix } from '@lifeboat/shared/domain/keys.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type PublicKeys, verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { PhysicalManifest } from './extract/extract-backup.ts'
import type { Reader } from './fetch/reader.ts'

/** Whose signatures count, and what of the target is meant. */
export interface Trust {
  fleetId: FleetId
  signers: PublicKeys
}

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

async function readTrusted({ target, run }: Reader, key: Key, { fleetId, signers }: Trust): Promise<Manifest> {
  const text = (await readSmall(await target.get(key, { signal: run.signal }), key, LONGEST_MANIFEST_BYTES)).toString(
    'utf8',
  )
  const { signer, document } = await verifySigned(text, 'lifeboat-manifest', signers)
  const parsed = Manifest.safeParse(document)
  if (!parsed.success)
    throw new LifeboatError('MANIFEST_TAMPERED', { key, problem: 'it has not the shape of a manifest' })
  const { agentId, backupId, sourceId } = parsed.data
  const itsOwn = signer === agentId && parsed.data.fleetId === fleetId && key === manifestKey(sourceId, backupId)
  if (!itsOwn) throw new LifeboatError('MANIFEST_TAMPERED', { key, problem: 'it belongs somewhere else' })
  return parsed.data
}
