import { createHash } from 'node:crypto'
import { takeInventory as compareWithTarget } from '@lifeboat/recovery/fetch/inventory.ts'
import { documentKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../drill.ts'
import { passed } from '../findings.ts'
import { fetchSmall } from './fetch-manifest.ts'

/** Compares what lies at the target with what the manifest lists. */
export async function takeInventory(drill: Drill, manifest: Manifest): Promise<void> {
  await drill.findings.ask({ check: 'digests', subject: 'inventory' }, async () => {
    const objects = await compareWithTarget(drill.target, manifest, drill.run.signal)
    return { value: undefined, ...passed(`All ${objects} objects are there with their sizes, and nothing else.`) }
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
