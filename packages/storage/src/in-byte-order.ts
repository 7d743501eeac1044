import type { Receipt } from './target.ts'

/** From here on UTF-16 and UTF-8 order differ: surrogates come before U+E000–U+FFFF in one and after them in the other. */
const FIRST_DOUBTFUL = /[\ud800-\uffff]/

/**
 * Turns a listing in UTF-16 order, or in UTF-8 order already, into one in UTF-8 byte order.
 *
 * Keys that are equal up to their first doubtful character lie together in both orders, so only such a group is held in memory and sorted;
 * plain keys pass straight through.
 */
export async function* inByteOrder(listing: AsyncIterable<Receipt>): AsyncGenerator<Receipt> {
  let group: Receipt[] = []
  let stem: string | undefined
  for await (const receipt of listing) {
    const doubtful = receipt.key.search(FIRST_DOUBTFUL)
    const its = doubtful < 0 ? undefined : receipt.key.slice(0, doubtful)
    if (its !== stem || its === undefined) {
      yield* sorted(group)
      group = []
    }
    stem = its
    if (its === undefined) yield receipt
    else group.push(receipt)
  }
  yield* sorted(group)
}

function sorted(group: readonly Receipt[]): Receipt[] {
  return group.toSorted((one, other) => Buffer.compare(Buffer.from(one.key), Buffer.from(other.key)))
}
