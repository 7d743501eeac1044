import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { BackupId, BackupKind, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { type Key, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openManifest } from '@lifeboat/shared/signing/open-manifest.ts'
import { LONGEST_MANIFEST_BYTES } from '@lifeboat/storage/read-small.ts'
import type { Drill } from '../drill.ts'
import { type Asked, passed } from '../findings.ts'

export interface SignedManifest {
  manifest: Manifest
  sha256: Sha256
}

/**
 * Fetches the manifest, checks who signed it, and that it is the one of the copy that was asked for: a genuine manifest under another backup's
 * key is a swapped one.
 *
 * @throws DrillEnded with MANIFEST_MISSING | MANIFEST_TAMPERED in the findings
 */
export async function fetchManifest(drill: Drill): Promise<SignedManifest> {
  const { backupId, kind } = drill.wish
  return drill.findings.ask({ check: 'manifest' }, () => readSigned(drill, { backupId, kind }))
}

/** The manifest of a backup that the one to be drilled is built on. */
export async function fetchParentManifest(drill: Drill, backupId: BackupId): Promise<SignedManifest> {
  return drill.findings.ask({ check: 'manifest', subject: backupId }, () => readSigned(drill, { backupId }))
}

async function readSigned(
  drill: Drill,
  wanted: { backupId: BackupId; kind?: BackupKind },
): Promise<Asked<SignedManifest>> {
  const { fleet: fleetId, signers } = drill.deps
  const key = manifestKey(drill.wish.sourceId, wanted.backupId)
  const bytes = await fetchSmall(drill, key, 'MANIFEST_MISSING')
  const manifest = await openManifest(bytes, key, { fleetId, signers })
  if (wanted.kind !== undefined && manifest.kind !== wanted.kind)
    throw new LifeboatError('MANIFEST_TAMPERED', {
      problem: 'it belongs to another kind',
      expected: wanted.kind,
      found: manifest.kind,
    })
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256
  const parts = manifest.artifacts.reduce((sum, artifact) => sum + artifact.parts.length, 0)
  return {
    value: { manifest, sha256 },
    ...passed(`Signed by ${manifest.agentId}; lists ${manifest.artifacts.length} artifacts in ${parts} parts.`),
  }
}

/** A document of a few kilobytes, whole. */
export async function fetchSmall(
  { target, run, findings }: Drill,
  key: Key,
  absent: 'MANIFEST_MISSING' | 'ARTIFACT_PART_MISSING',
): Promise<Buffer> {
  const body = await target.get(key, { signal: run.signal }).catch((thrown: unknown): Readable => {
    throw LifeboatError.is(thrown, 'TARGET_KEY_ABSENT') ? new LifeboatError(absent, { key }, { cause: thrown }) : thrown
  })
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    findings.firstByteAt ??= performance.now()
    bytes += chunk.length
    if (bytes > LONGEST_MANIFEST_BYTES)
      throw new LifeboatError('MANIFEST_TAMPERED', { key, problem: 'longer than any manifest' })
    chunks.push(chunk)
  }
  findings.bytesFetched += bytes
  return Buffer.concat(chunks)
}
