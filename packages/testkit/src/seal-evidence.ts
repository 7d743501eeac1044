import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { Evidence } from '@lifeboat/shared/domain/drill.ts'
import { moment, newDrillId, operatorRunId, type Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { Signer } from '@lifeboat/shared/signing/signing.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { put } from './seal-backup.ts'

/** Puts the signed evidence of a drill beside a copy, as a verifier would. */
export async function sealEvidence(
  target: Target,
  verifier: Signer,
  manifest: Manifest,
  verdict: Evidence['verdict'] = 'proven',
): Promise<void> {
  const { sourceId, backupId, policyId, kind, fleetId } = manifest
  const signed = await buffer(
    await target.get(manifestKey(sourceId, backupId), { signal: AbortSignal.timeout(300_000) }),
  )
  const manifestSha256 = createHash('sha256').update(signed).digest('hex') as Sha256
  const now = Date.now()
  const drillId = newDrillId(now)
  const evidence: Evidence = {
    ...{ format: 1, fleetId, drillId, runId: operatorRunId(policyId, sourceId, now), backupId, sourceId, kind },
    ...{ targetId: target.id, verifierId: verifier.id, manifestSha256 },
    ...{ startedAt: moment(now), finishedAt: moment(now), checks: [], verdict, reasons: [], phases: {} },
    ...{ recoveryMs: 1234, bytesFetched: 1, tools: {} },
  }
  const bytes = Buffer.from(await verifier.sign('lifeboat-evidence', evidence))
  await put(target, evidenceKey(sourceId, backupId, drillId), bytes, 'evidence')
}
