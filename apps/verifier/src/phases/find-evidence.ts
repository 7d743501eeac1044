import type { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { Evidence } from '@lifeboat/shared/domain/drill.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type PublicKeys, verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { LONGEST_EVIDENCE_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/**
 * The evidence of this very run, when an earlier delivery of the wish already brought it to the target. Evidence nobody we know signed is left
 * alone: anybody with access to the bucket may have put it there.
 */
export async function findEvidence(
  wish: DrillRequested,
  target: Target,
  signers: PublicKeys,
  signal: AbortSignal,
): Promise<Evidence | undefined> {
  const earlier: Evidence[] = []
  for await (const { key } of target.list(`${wish.sourceId}/drills/${wish.backupId}/`, { signal })) {
    const evidence = await readEvidence(target, key, signers, signal)
    if (evidence?.runId === wish.runId && evidence.targetId === wish.targetId && evidence.backupId === wish.backupId)
      earlier.push(evidence)
  }
  return earlier[0]
}

async function readEvidence(
  target: Target,
  key: string,
  signers: PublicKeys,
  signal: AbortSignal,
): Promise<Evidence | undefined> {
  const body = await target.get(key, { signal })
  try {
    const text = await readSmall(body, key, LONGEST_EVIDENCE_BYTES)
    const { document } = await verifySigned(text.toString('utf8'), 'lifeboat-evidence', signers)
    return Evidence.safeParse(document).data
  } catch (thrown) {
    if (LifeboatError.is(thrown, 'MANIFEST_TAMPERED')) return undefined
    throw thrown
  }
}
