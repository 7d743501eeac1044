import type { BackupId, PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { backupPrefix, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Locks, Target } from '@lifeboat/storage/target.ts'
import type { Catalog } from '../catalog.ts'
import { mapAhead } from '../map-ahead.ts'
import { readableCopy } from './choose-reads.ts'
import { lockStep } from './lock-step.ts'

/** What a look at the locks of one target came to. */
export interface LockSurvey {
  locked: number
  extended: number
  /** Copies that should have been locked and were not, at most 100; `now`: what became of it. */
  drifted: { sourceId: SourceId; backupId: BackupId; problem: string; now: 'locked' | 'unlocked' }[]
}

const AT_ONCE = 8
const SHOWN = 100

/**
 * Asks the store how long the manifest of each copy that stays is locked, and renews what is due: every object of the copy, the manifest last, so that its date never
 * promises more than the others keep. A copy that is let go is not renewed: it goes when its lock ends.
 *
 * @throws LifeboatError TARGET_… – the store cannot be asked; that one lock was refused is in the result
 */
export async function keepLocked(
  target: Target,
  locks: Locks,
  catalog: Pick<Catalog, 'all'>,
  opts: { signal: AbortSignal; nowMs: number },
): Promise<LockSurvey> {
  const survey: LockSurvey = { locked: 0, extended: 0, drifted: [] }
  for await (const { about, step, failed } of mapAhead(copiesAt(target, catalog), AT_ONCE, (about) =>
    keepOne(target, locks, about, opts),
  )) {
    if (step === undefined) continue
    if (step.do === 'leave') survey.locked += 1
    else if (failed === undefined) survey.extended += 1
    if (step.do === 'leave' || (failed === undefined && !step.drift) || survey.drifted.length >= SHOWN) continue
    const problem = failed === undefined ? step.reason : `${step.reason}; ${failed}`
    survey.drifted.push({ ...about, problem, now: failed === undefined ? 'locked' : 'unlocked' })
  }
  return survey
}

interface About {
  sourceId: SourceId
  backupId: BackupId
}

async function* copiesAt(
  { id }: Target,
  catalog: Pick<Catalog, 'all'>,
): AsyncGenerator<About & { policyId: PolicyId }> {
  for await (const record of catalog.all()) {
    const { sourceId, backupId, policyId } = record
    if (readableCopy(record, id)) yield { sourceId, backupId, policyId }
  }
}

async function keepOne(
  target: Target,
  locks: Locks,
  { policyId, ...about }: About & { policyId: PolicyId },
  { signal, nowMs }: { signal: AbortSignal; nowMs: number },
) {
  const { sourceId, backupId } = about
  const key = manifestKey(sourceId, backupId)
  const there = await target.stat(key, { signal })
  // That it is missing is for the list to say.
  if (there === undefined) return { about }
  const step = lockStep(
    there.lockedUntil === undefined ? undefined : Date.parse(there.lockedUntil),
    locks.forMs(policyId),
    nowMs,
  )
  if (step.do === 'leave') return { about, step }
  const until = new Date(step.untilMs)
  try {
    for await (const receipt of target.list(backupPrefix(sourceId, backupId), { signal }))
      if (receipt.key !== key) await locks.extend(receipt.key, until, { signal })
    await locks.extend(key, until, { signal })
    return { about, step }
  } catch (thrown) {
    // Let go meanwhile.
    if (LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')) return { about }
    if (LifeboatError.is(thrown, 'TARGET_REFUSED')) return { about, step, failed: 'the store refuses to lock it' }
    if (LifeboatError.is(thrown, 'TARGET_HELD')) return { about, step, failed: 'the lock it has cannot be changed' }
    throw thrown
  }
}
