import type { FleetId } from '../domain/ids.ts'
import { type Key, manifestKey } from '../domain/keys.ts'
import { Manifest } from '../domain/manifest.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { type PublicKeys, verifySigned } from './signing.ts'

/** Whose signatures count, and which fleet's backups. */
export interface Trust {
  fleetId: FleetId
  signers: PublicKeys
}

/**
 * Reads a manifest and makes sure that it is what it claims to be: signed by its own agent, of this fleet, under its own key, with parts that make
 * up its artifacts. A genuine manifest under another backup's key is a swapped one.
 *
 * @param bytes as they lie at the target
 * @throws LifeboatError MANIFEST_TAMPERED
 */
export async function openManifest(bytes: Buffer, key: Key, { fleetId, signers }: Trust): Promise<Manifest> {
  const { signer, document } = await verifySigned(bytes.toString('utf8'), 'lifeboat-manifest', signers)
  const parsed = Manifest.safeParse(document)
  if (!parsed.success) throw tampered(key, 'it has not the shape of a manifest')
  const manifest = parsed.data
  const { agentId, sourceId, backupId } = manifest
  if (signer !== agentId) throw tampered(key, 'it is not signed by its own agent', agentId, signer)
  if (manifest.fleetId !== fleetId) throw tampered(key, 'it belongs to another fleet', fleetId, manifest.fleetId)
  if (key !== manifestKey(sourceId, backupId))
    throw tampered(
      key,
      `it belongs to another ${key.startsWith(`${sourceId}/`) ? 'backupId' : 'sourceId'}`,
      key,
      manifestKey(sourceId, backupId),
    )
  demandWholeArtifacts(manifest, key)
  return manifest
}

function demandWholeArtifacts({ artifacts }: Manifest, key: Key): void {
  for (const { name, bytes, parts } of artifacts) {
    const inOrder = parts.every((part, index) => part.no === index)
    const sum = parts.reduce((total, part) => total + part.bytes, 0)
    if (!inOrder || sum !== bytes) throw tampered(key, `the parts do not make up the artifact ${name}`)
  }
}

function tampered(key: Key, problem: string, expected?: string, found?: string): LifeboatError {
  return new LifeboatError('MANIFEST_TAMPERED', { key, problem, ...(expected && { expected, found }) })
}
