import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compareContent } from './same-content.ts'
import type { PutOptions, Receipt } from './target.ts'

/** After these it is open what lies under the key; credentials that may create but not overwrite are refused rather than told "taken". */
const OPEN_ENDS: readonly ErrorCode[] = ['TARGET_KEY_TAKEN', 'TARGET_UNREACHABLE', 'TARGET_REFUSED']

/**
 * Decides what a refused or unanswered create came to, by what lies under the key now.
 *
 * The store refuses our own object too when an earlier answer got lost, so only size and digest tell.
 *
 * @param failure why the create was not confirmed
 * @param look what lies there; when that cannot be told, "exists already" becomes TARGET_UNREACHABLE and the put is tried again. A store that
 *   resets an upload it refuses says why only now: missing bucket or rights are thrown as what they are
 * @throws LifeboatError TARGET_KEY_TAKEN – something else lies there; otherwise `failure`
 */
export async function settleCreate(
  failure: unknown,
  wanted: Pick<PutOptions, 'bytes' | 'sha256' | 'md5' | 'signal'>,
  look: () => Promise<Receipt | undefined>,
): Promise<Receipt> {
  wanted.signal.throwIfAborted()
  if (!(failure instanceof LifeboatError) || !OPEN_ENDS.includes(failure.code)) throw failure
  const there = await look().catch(unlessClearer)
  wanted.signal.throwIfAborted()
  if (there !== undefined && compareContent(there, wanted) === 'same') return there
  const taken = failure.code === 'TARGET_KEY_TAKEN'
  if (there === undefined && !taken) throw failure
  const code = there === undefined ? 'TARGET_UNREACHABLE' : 'TARGET_KEY_TAKEN'
  throw new LifeboatError(
    code,
    { ...failure.facts, expectedBytes: wanted.bytes, thereBytes: there?.bytes },
    { cause: failure },
  )
}

function unlessClearer(thrown: unknown): undefined {
  if (LifeboatError.is(thrown, 'TARGET_MISSING') || LifeboatError.is(thrown, 'TARGET_REFUSED')) throw thrown
}
