import { lockedUntil } from '@lifeboat/catalog/audit/locked-until.ts'
import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import { CopyAudited, CopyRemade, type CopyRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { documentKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import { manifestInside } from '@lifeboat/shared/signing/manifest-inside.ts'
import { LONGEST_MANIFEST_BYTES } from '@lifeboat/storage/read-small.ts'
import type { Lane, UploaderDeps } from '../deps.ts'
import { demandFleet } from '../fleet-marker.ts'
import { inParallel } from '../parallel.ts'
import type { Wanted } from '../part-source.ts'
import { ensureWhole, type Piece, type Remade } from '../remake/ensure-whole.ts'
import { readSmallFile } from '../small-files.ts'

/**
 * Makes a copy whole from other targets, or from the agent while it still has the parts. Everything that is there is read and compared with the
 * digests of the manifest; the manifest itself with the digest its agent announced. It goes up last.
 *
 * What lies there and is wrong cannot be written over: it is removed where that is allowed, else the copy stays damaged and that is told.
 */
export function remakeCopy(
  deps: Pick<
    UploaderDeps,
    'bus' | 'fleet' | 'markedTargets' | 'parts' | 'catalog' | 'events' | 'clock' | 'concurrency'
  >,
  lane: Lane,
): Handler<CopyRemakeRequested> {
  return (wish, { signal, log }) =>
    lane.gate.through(signal, async () => {
      const { sourceId, backupId, targetId, reason, requestedAt } = wish
      const record = await deps.catalog.get(backupId, sourceId)
      const state = record?.copies[targetId]?.state
      // What was let go stays gone.
      if (record === undefined || state === 'marked' || state === 'expired') return
      // Asked by two, or once more while it was under way.
      if ((record.copies[targetId]?.remadeAt ?? '') > requestedAt) return
      await demandFleet(deps, lane.target, signal)
      const about = { sourceId, backupId, targetId }
      const remade: Remade = { objects: 0, bytes: 0, from: new Set(), stuck: [] }
      const pieces = await Array.fromAsync(piecesOf(deps, lane, record, signal))
      const manifest = pieces.pop()
      if (manifest === undefined) return
      await inParallel(pieces, deps.concurrency, (piece) => ensureWhole(deps.parts, lane, piece, remade, signal))
      // A manifest beside a part that is wrong would say that all is well.
      if (remade.stuck.length === 0) await ensureWhole(deps.parts, lane, manifest, remade, signal)
      const at = moment(deps.clock.now())
      if (remade.stuck.length > 0) {
        const [first] = remade.stuck
        const problem = `${first?.key} is wrong and cannot be written over: ${first?.why}`
        await deps.bus.publish(CopyAudited, { ...about, at, found: 'damaged', problem })
        return deps.events.copyStuck(log, { ...about, objects: remade.stuck.length })
      }
      const { objects, bytes } = remade
      const from = [...remade.from].filter((place) => place !== 'agent') as TargetId[]
      const until = await lockedUntil(lane.target, about, signal)
      const told = { ...about, remadeAt: at, ...(until && { lockedUntil: until }) }
      await deps.bus.publish(CopyRemade, { ...told, objects, bytes, from, reason })
      deps.events.copyRemade(log, { ...about, objects, bytes })
    })
}

/** Parts, documents, and the manifest last. */
async function* piecesOf(
  { parts }: Pick<UploaderDeps, 'parts'>,
  { target }: Lane,
  { sourceId, backupId, agentId, policyId, copies, manifestSha256 }: BackupRecord,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  if (manifestSha256 === undefined) return
  const targets = Object.keys(copies) as TargetId[]
  const wanted = (key: string): Wanted => {
    return { backupId, agentId, targets, key, name: key.slice(key.lastIndexOf('/') + 1), for: target.id }
  }
  const manifestAt = wanted(documentKey(sourceId, backupId, 'manifest.json'))
  const digest = { bytes: LONGEST_MANIFEST_BYTES, sha256: manifestSha256 }
  const envelope = await readSmallFile(parts, manifestAt, digest, signal)
  const { artifacts, documents } = manifestInside(envelope)
  for (const { name, parts: own } of artifacts)
    for (const part of own)
      yield { wanted: wanted(partKey(sourceId, backupId, name, part.no)), policyId, content: part, role: 'part' }
  for (const document of documents)
    yield {
      ...{ wanted: wanted(documentKey(sourceId, backupId, document.name)), policyId },
      ...{ content: document, role: 'document' },
    }
  yield { wanted: manifestAt, policyId, bytes: envelope, role: 'manifest' }
}
