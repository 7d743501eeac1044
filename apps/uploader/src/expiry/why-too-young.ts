import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { type Key, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { Mark } from '@lifeboat/shared/domain/retention.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { manifestInside } from '@lifeboat/shared/signing/manifest-inside.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** How old copies of a policy must be before they may go, milliseconds, as this process has it configured; undefined: nothing says that they may go at all. */
export type MinAgeOf = (policyId: PolicyId) => number | undefined

/** Of which nobody can tell the policy any more. */
const UNREADABLE_MS = 86_400_000

/** Why a copy is too young to be removed, by its own manifest and by when the store took it; without a manifest it is no copy. */
export async function whyTooYoung(
  target: Target,
  { sourceId, backupId }: Pick<Mark, 'sourceId' | 'backupId'>,
  opts: { minAgeOf: MinAgeOf; nowMs: number; signal: AbortSignal },
): Promise<string | undefined> {
  const key = manifestKey(sourceId, backupId)
  const there = await target.stat(key, opts)
  if (there === undefined) return undefined
  const manifest = await readManifest(target, key, opts.signal)
  const minAge = manifest === undefined ? UNREADABLE_MS : opts.minAgeOf(manifest.policyId)
  if (minAge === undefined) return `this uploader is configured with no rules for what to keep of ${manifest?.policyId}`
  const moments = [there.storedAt, manifest?.snapshotAt]
    .map((at) => Date.parse(at ?? ''))
    .filter((ms) => !Number.isNaN(ms))
  return opts.nowMs - Math.max(...moments) < minAge ? `it is younger than ${formatDuration(minAge)}` : undefined
}

async function readManifest(target: Target, key: Key, signal: AbortSignal): Promise<Manifest | undefined> {
  try {
    return manifestInside(await readSmall(await target.get(key, { signal }), key, LONGEST_MANIFEST_BYTES))
  } catch (thrown) {
    if (LifeboatError.is(thrown, 'MANIFEST_TAMPERED')) return undefined
    throw thrown
  }
}
