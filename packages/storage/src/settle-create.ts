import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { compareContent } from './same-content.ts'
import type { PutOptions, Receipt } from './target.ts'

/**
 * Decides what a refused or unanswered create came to, by what lies under the key now.
 *
 * The store says "exists already" of our own object too when an earlier answer got lost, so only size and digest tell.
 *
 * @param failure why the create was not confirmed; TARGET_KEY_TAKEN and TARGET_UNREACHABLE leave the question open, others do not
 * @param look what lies there; when that cannot be told, "exists already" becomes TARGET_UNREACHABLE and the put is tried again. A store that
 *   resets an upload it refuses says why only now: missing bucket or rights are thrown as what they are
 */
export async function settleCreate(
  failure: unknown,
  wanted: Pick<PutOptions, 'bytes' | 'sha256' | 'md5' | 'signal'>,
  look: () => Promise<Receipt | undefined>,
): Promise<Receipt> {
  wanted.signal.throwIfAborted()
  const taken = LifeboatError.is(failure, 'TARGET_KEY_TAKEN')
  if (!taken && !LifeboatError.is(failure, 'TARGET_UNREACHABLE')) throw failure
  const there = await look().catch(unlessClearer)
  wanted.signal.throwIfAborted()
  if (there !== undefined && compareContent(there, wanted) === 'same') return there
  if (there === undefined && taken) throw new LifeboatError('TARGET_UNREACHABLE', failure.facts, { cause: failure })
  throw failure
}

function unlessClearer(thrown: unknown): undefined {
  if (LifeboatError.is(thrown, 'TARGET_MISSING') || LifeboatError.is(thrown, 'TARGET_REFUSED')) throw thrown
}
