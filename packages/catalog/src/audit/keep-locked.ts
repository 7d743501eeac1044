import type { CopyLockFound } from '@lifeboat/shared/bus/messages/copy.ts'
import { type BackupId, type Moment, moment, type PolicyId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import { backupPrefix, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Locks, Target } from '@lifeboat/storage/target.ts'
import type { Catalog } from '../catalog.ts'
import { mapAhead } from '../map-ahead.ts'
import { readableCopy } from './choose-reads.ts'
import { type LockStep, lockStep } from './lock-step.ts'

/** What a look at the locks of one target came to. */
export interface LockSurvey {
  locked: number
  extended: number
  /** Copies that should have been locked and were not, at most 100; `now`: what became of it. */
  drifted: { sourceId: SourceId; backupId: BackupId; problem: string; now: 'locked' | 'unlocked' }[]
}

const AT_ONCE = 8
const SHOWN = 100
/** Some stores keep whole seconds. */
const SAME_MS = 1000

/**
 * Asks the store how long the manifest of each copy that stays is locked, and renews what is due: every object of the copy, the manifest last, so that its date never
 * promises more than the others keep. A copy that is let go is not renewed: it goes when its lock ends.
 *
 * @param opts.tell told of each copy of which the catalogue knows another date than it has now
 * @throws LifeboatError TARGET_… – the store cannot be asked; that one lock was refused is in the result
 */
export async function keepLocked(
  target: Target,
  locks: Locks,
  catalog: Pick<Catalog, 'all'>,
  opts: { signal: AbortSignal; nowMs: number; tell: (found: CopyLockFound) => Promise<void> },
): Promise<LockSurvey> {
  const survey: LockSurvey = { locked: 0, extended: 0, drifted: [] }
  for await (const { about, known, untilMs, step, failed } of mapAhead(copiesAt(target, catalog), AT_ONCE, (one) =>
    keepOne(target, locks, one, opts),
  )) {
    if (step === undefined) continue
    if (!isSame(known, untilMs)) {
      const lockedUntil = untilMs === undefined ? {} : { lockedUntil: moment(untilMs) }
      await opts.tell({ ...about, targetId: target.id, at: moment(opts.nowMs), ...lockedUntil })
    }
    if (step.do === 'leave') survey.locked += 1
    else if (failed === undefined) survey.extended += 1
    if (step.do === 'leave' || (failed === undefined && !step.drift) || survey.drifted.length >= SHOWN) continue
    const problem = failed === undefined ? step.reason : `${step.reason}; ${failed}`
    survey.drifted.push({ ...about, problem, now: failed === undefined ? 'locked' : 'unlocked' })
  }
  return survey
}

export interface About {
  sourceId: SourceId
  backupId: BackupId
}

interface Locked extends About {
  policyId: PolicyId
  /** The date the catalogue has. */
  known: Moment | undefined
}

interface Looked {
  about: About
  known?: Moment | undefined
  /** The date it has now. */
  untilMs?: number | undefined
  /** Absent: it is not there. */
  step?: LockStep
  failed?: string
}

async function* copiesAt({ id }: Target, catalog: Pick<Catalog, 'all'>): AsyncGenerator<Locked> {
  for await (const record of catalog.all()) {
    const { sourceId, backupId, policyId, copies } = record
    if (readableCopy(record, id)) yield { sourceId, backupId, policyId, known: copies[id]?.lock?.until }
  }
}

function isSame(known: Moment | undefined, untilMs: number | undefined): boolean {
  if (known === undefined || untilMs === undefined) return known === untilMs
  return Math.abs(Date.parse(known) - untilMs) < SAME_MS
}

async function keepOne(
  target: Target,
  locks: Locks,
  { policyId, known, ...about }: Locked,
  { signal, nowMs }: { signal: AbortSignal; nowMs: number },
): Promise<Looked> {
  const { sourceId, backupId } = about
  const key = manifestKey(sourceId, backupId)
  const there = await target.stat(key, { signal })
  // That it is missing is for the list to say.
  if (there === undefined) return { about }
  const untilMs = there.lockedUntil === undefined ? undefined : Date.parse(there.lockedUntil)
  const step = lockStep(untilMs, locks.forMs(policyId), nowMs)
  const seen = { about, known, untilMs, step }
  if (step.do === 'leave') return seen
  const until = new Date(step.untilMs)
  try {
    for await (const receipt of target.list(backupPrefix(sourceId, backupId), { signal }))
      if (receipt.key !== key) await locks.extend(receipt.key, until, { signal })
    await locks.extend(key, until, { signal })
    return { ...seen, untilMs: step.untilMs }
  } catch (thrown) {
    // Let go meanwhile.
    if (LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')) return { about }
    if (LifeboatError.is(thrown, 'TARGET_REFUSED')) return { ...seen, failed: 'the store refuses to lock it' }
    if (LifeboatError.is(thrown, 'TARGET_HELD')) return { ...seen, failed: 'the lock it has cannot be changed' }
    throw thrown
  }
}
