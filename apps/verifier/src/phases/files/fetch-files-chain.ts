import { artifactOf } from '@lifeboat/recovery/dump/open-dump.ts'
import { demandKey } from '@lifeboat/recovery/fetch/demand-key.ts'
import type { FilesManifest } from '@lifeboat/recovery/files/replay-chain.ts'
import type { Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { type Asked, passed } from '../../findings.ts'
import { readerOf } from '../../reader.ts'
import { fetchManifest, fetchParentManifest } from '../fetch-manifest.ts'
import { openSmall } from '../open-small.ts'
import { checkDocuments, takeInventory } from '../take-inventory.ts'

/** A chain longer than any policy allows is a circle. */
const LONGEST_CHAIN = 1000

/**
 * The manifests of a backup of files and of all it builds on, oldest first, each compared with what lies at the target; nothing large is fetched.
 *
 * @param note told the digest of the drilled backup's own manifest as soon as it is known
 */
export async function fetchFilesChain(drill: Drill, note: (sha256: Sha256) => void): Promise<FilesManifest[]> {
  const signed = await fetchManifest(drill)
  note(signed.sha256)
  const last = ofFiles(signed.manifest)
  await takeInventory(drill, last)
  await checkDocuments(drill, last)
  const chain = [last]
  for (let parent = last.files.parent; parent !== undefined; parent = chain[0]?.files.parent) {
    if (chain.length > LONGEST_CHAIN) throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'the chain is a circle' })
    const { manifest } = await fetchParentManifest(drill, parent)
    await takeInventory(drill, manifest)
    chain.unshift(ofFiles(manifest))
  }
  await openLists(drill, chain)
  return chain
}

function ofFiles(manifest: Manifest): FilesManifest {
  const { files } = manifest
  if (files) return { ...manifest, files }
  throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'it is of no files', backupId: manifest.backupId })
}

/** Whether our key opens the list of each, before gigabytes are fetched. */
async function openLists(drill: Drill, chain: readonly FilesManifest[]): Promise<void> {
  await drill.findings.ask({ check: 'decrypt' }, async (): Promise<Asked<undefined>> => {
    for (const manifest of chain) {
      await demandKey(readerOf(drill), manifest)
      if (!artifactOf(manifest, 'members'))
        throw new LifeboatError('ARTIFACT_PART_MISSING', { problem: 'the manifest lists no list of members' })
      await openSmall(drill, manifest, ['members'])
    }
    return { value: undefined, ...passed('The identity of this verifier opens the artifacts.') }
  })
}
