import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { unseal } from '@lifeboat/recovery/fetch/unseal.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { Drill } from '../drill.ts'
import { readerOf } from '../reader.ts'
import { asMisencrypted } from './decrypt.ts'

/** Opens small artifacts to their ends: before gigabytes are fetched, and also those nothing else of a drill asks about, for whoever needs them one day. */
export async function openSmall(drill: Drill, manifest: Manifest, roles: readonly Artifact['role'][]): Promise<void> {
  for (const artifact of manifest.artifacts.filter(({ role }) => roles.includes(role)))
    await unseal(readerOf(drill), manifest, artifact, { sink: drain }).catch((thrown: unknown) => {
      throw asMisencrypted(thrown)
    })
}
