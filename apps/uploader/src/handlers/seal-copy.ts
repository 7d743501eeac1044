import { Readable } from 'node:stream'
import { lockedUntil } from '@lifeboat/catalog/audit/locked-until.ts'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { type Md5, type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import { documentKey, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Document } from '@lifeboat/shared/domain/manifest.ts'
import { manifestInside } from '@lifeboat/shared/signing/manifest-inside.ts'
import { compareContent } from '@lifeboat/storage/same-content.ts'
import type { ContentRole } from '@lifeboat/storage/target.ts'
import { demandClusterOfBase } from '../cluster-marker.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import type { Wanted } from '../part-source.ts'
import { demandParts } from '../parts-present.ts'
import { refuseCopyOrThrow } from '../refuse-copy.ts'
import { readSmallFile } from '../small-files.ts'

type Needs = Pick<UploaderDeps, 'bus' | 'fleet' | 'markedTargets' | 'parts' | 'events' | 'clock'>

/**
 * Every part there? Then the documents and, last of all, the manifest: with it the copy begins to exist. Parts that are just being put here
 * are waited for; while others are missing the message comes back soon.
 */
export function sealCopy(deps: Needs, lane: Lane): Handler<BackupSealed> {
  const targetId = lane.target.id
  return async (sealed, { signal, log }) => {
    if (!sealed.targets.includes(targetId)) return
    let until: Moment | undefined
    try {
      until = await lane.gate.through(signal, async () => {
        await ensureCopy(deps, lane, sealed, signal)
        return lockedUntil(lane.target, sealed, signal)
      })
    } catch (thrown) {
      return refuseCopyOrThrow(deps, lane, sealed, thrown, log)
    }
    const { backupId, sourceId, policyId, agentId, kind, bytes } = sealed
    const copy = { backupId, sourceId, policyId, agentId, kind, targetId }
    const storedMs = deps.clock.now()
    await deps.bus.publish(CopyStored, {
      ...copy,
      storedAt: moment(storedMs),
      bytes,
      ...(until && { lockedUntil: until }),
    })
    const durationMs = Math.max(0, storedMs - Date.parse(sealed.sealedAt))
    deps.events.copyStored(log, { ...copy, bytes, durationMs })
  }
}

async function ensureCopy(deps: Needs, lane: Lane, sealed: BackupSealed, signal: AbortSignal): Promise<void> {
  const { target } = lane
  const { sourceId, backupId, manifest } = sealed
  const sealedManifest = { ...manifest, md5: manifest.md5 as Md5 }
  const there = await target.stat(manifestKey(sourceId, backupId), { signal })
  if (there !== undefined && compareContent(there, sealedManifest) === 'same') return
  await demandFleet(deps, target, signal)
  const envelope = await readSmallFile(deps.parts, wantedOf(sealed, lane, 'manifest.json'), manifest, signal)
  const { documents, ...contents } = manifestInside(envelope)
  const { systemIdentifier } = contents.physical ?? {}
  await demandClusterOfBase(target, { sourceId, systemIdentifier }, signal)
  await demandParts(lane, { documents, ...contents }, signal)
  for (const document of documents) await putDocument(deps, lane, sealed, document, signal)
  await putSmall(lane, sealed, { name: 'manifest.json', ...sealedManifest }, envelope, 'manifest', signal)
}

async function putDocument(
  { parts }: Needs,
  lane: Lane,
  sealed: BackupSealed,
  document: Document,
  signal: AbortSignal,
): Promise<void> {
  const there = await lane.target.stat(documentKey(sealed.sourceId, sealed.backupId, document.name), { signal })
  if (there !== undefined && compareContent(there, document) === 'same') return
  const contents = await readSmallFile(parts, wantedOf(sealed, lane, document.name), document, signal)
  await putSmall(lane, sealed, document, contents, 'document', signal)
}

async function putSmall(
  { target }: Lane,
  { sourceId, backupId, policyId }: BackupSealed,
  { name, bytes, sha256, md5 }: Document,
  contents: Buffer,
  role: ContentRole,
  signal: AbortSignal,
): Promise<void> {
  const body = () => Readable.from([contents], { objectMode: false })
  await target.put(documentKey(sourceId, backupId, name), body, { bytes, sha256, md5, role, policyId, signal })
}

function wantedOf({ sourceId, backupId, agentId, targets }: BackupSealed, { target }: Lane, name: string): Wanted {
  return { backupId, agentId, targets, key: documentKey(sourceId, backupId, name), name, for: target.id }
}
