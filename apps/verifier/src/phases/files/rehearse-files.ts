import type { Drill } from '../../drill.ts'
import type { Course } from '../course.ts'
import { fetchManifest } from '../fetch-manifest.ts'
import { checkDocuments, takeInventory } from '../take-inventory.ts'

/** A tree of files. */
export async function rehearseFiles(drill: Drill, course: Course): Promise<void> {
  await drill.findings.during('fetch', async () => {
    const { manifest, sha256 } = await fetchManifest(drill)
    course.manifestSha256 = sha256
    await takeInventory(drill, manifest)
    await checkDocuments(drill, manifest)
  })
}
