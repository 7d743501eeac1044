import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { PutOptions, Receipt } from './target.ts'

type Content = Pick<Receipt, 'bytes' | 'sha256' | 'md5'>
type Wanted = Pick<PutOptions, 'bytes' | 'sha256' | 'md5'>

/** Whether what a store says it holds is what a put wants there; `unknown` when the length fits and the store keeps no digest. */
export function compareContent(there: Content, wanted: Wanted): 'same' | 'different' | 'unknown' {
  if (there.bytes !== wanted.bytes) return 'different'
  if (there.sha256 !== undefined) return there.sha256 === wanted.sha256 ? 'same' : 'different'
  if (there.md5 !== undefined) return there.md5 === wanted.md5 ? 'same' : 'different'
  return 'unknown'
}

/** Length and digest are there and fit. */
export function holdsTheSame(there: Content, wanted: Wanted): boolean {
  return compareContent(there, wanted) === 'same'
}

/**
 * Decides what a create came to that was told "taken" or got no answer: it may be our own, stored by a try whose answer was lost.
 *
 * @param failure what the create ended with; it is thrown again when nothing lies under the key, or when nobody can look
 * @throws LifeboatError TARGET_KEY_TAKEN – something else lies there
 */
export async function settleCreate(
  failure: LifeboatError,
  wanted: Wanted,
  look: () => Promise<Receipt | undefined>,
): Promise<Receipt> {
  const there = await look().catch(() => {
    throw failure
  })
  if (there === undefined) throw failure
  if (holdsTheSame(there, wanted)) return there
  const facts = { ...failure.facts, expectedBytes: wanted.bytes, thereBytes: there.bytes }
  throw new LifeboatError('TARGET_KEY_TAKEN', facts, { cause: failure })
}
