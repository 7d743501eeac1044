import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { Evidence, hintsOf } from '@lifeboat/shared/domain/drill.ts'
import { type Md5, moment, type Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey } from '@lifeboat/shared/domain/keys.ts'
import type { Signer } from '@lifeboat/shared/signing/signing.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { Drill } from '../drill.ts'
import type { Judged } from '../verdict.ts'

/** What only the end of a drill knows. */
export interface Ending {
  judged: Judged
  manifestSha256: Sha256 | undefined
  scratch: { version: string; kept?: string } | undefined
}

/** All that was measured, and the verdict with its reasons. */
export function evidenceOf(drill: Drill, verifierId: string, { judged, manifestSha256, scratch }: Ending): Evidence {
  const { wish, findings, deps } = drill
  const { firstByteAt, firstAnswerAt } = findings
  const recovered = firstByteAt !== undefined && firstAnswerAt !== undefined
  return {
    format: 1,
    fleetId: deps.fleet,
    drillId: drill.id,
    ...{
      runId: wish.runId,
      backupId: wish.backupId,
      sourceId: wish.sourceId,
      kind: wish.kind,
      targetId: wish.targetId,
    },
    verifierId,
    ...(manifestSha256 && { manifestSha256 }),
    startedAt: drill.startedAt,
    finishedAt: moment(deps.clock.now()),
    checks: findings.checks,
    ...{ verdict: judged.verdict, reasons: judged.reasons },
    ...walOf(drill, judged),
    phases: findings.phases,
    ...(recovered && { recoveryMs: Math.round(firstAnswerAt - firstByteAt) }),
    ...(findings.recovered && { recovered: findings.recovered }),
    bytesFetched: findings.bytesFetched,
    ...(scratch && { scratch }),
    tools: drill.tools,
  }
}

function walOf({ wish, findings }: Drill, { wal }: Judged): Pick<Evidence, 'wal'> {
  if (wal === undefined || wish.recoverTo === undefined) return {}
  const reached = findings.recovered?.lsn
  const place = wal.verdict === 'proven' ? reached && { reached } : findings.walBroke
  return { wal: { to: wish.recoverTo, ...wal, ...place } }
}

/** Signs the evidence and puts it beside the backup, under a key of its own. */
export async function storeEvidence(
  evidence: Evidence,
  target: Target,
  signer: Signer,
  signal: AbortSignal,
): Promise<void> {
  const bytes = Buffer.from(await signer.sign('lifeboat-evidence', Evidence.parse(evidence)))
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex')
  const key = evidenceKey(evidence.sourceId, evidence.backupId, evidence.drillId)
  const [sha256, md5] = [digest('sha256') as Sha256, digest('md5') as Md5]
  await target.put(key, () => Readable.from([bytes]), { bytes: bytes.length, sha256, md5, role: 'evidence', signal })
}

export function factOf(evidence: Evidence, policyId: DrillFinished['policyId']): DrillFinished {
  const { drillId, runId, backupId, sourceId, kind, targetId, verdict, reasons, wal, startedAt, finishedAt } = evidence
  const { recoveryMs, phases } = evidence
  const hints = hintsOf(evidence)
  const durationMs = Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt))
  return {
    ...{ drillId, runId, backupId, sourceId, policyId, kind, targetId, verdict, reasons, finishedAt, durationMs },
    ...(wal && { wal }),
    ...(recoveryMs !== undefined && { recoveryMs }),
    ...(hints.length > 0 && { hints }),
    phases,
  }
}
