import type { PutOptions, Receipt } from './target.ts'

/** Whether what a store says it holds is what a put wants there; `unknown` when the length fits and the store keeps no digest that is known of what is wanted. */
export function compareContent(
  there: Pick<Receipt, 'bytes' | 'sha256' | 'md5'>,
  wanted: Pick<PutOptions, 'bytes' | 'sha256' | 'md5'>,
): 'same' | 'different' | 'unknown' {
  if (there.bytes !== wanted.bytes) return 'different'
  if (there.sha256 !== undefined) return there.sha256 === wanted.sha256 ? 'same' : 'different'
  if (there.md5 !== undefined && wanted.md5 !== undefined) return there.md5 === wanted.md5 ? 'same' : 'different'
  return 'unknown'
}
