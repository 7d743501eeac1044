import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { parseWalKey, rangeOf, type WalObject } from '@lifeboat/shared/domain/wal.ts'

/** An object of WAL that one target has and another lacks. */
export interface MissingWal {
  key: Key
  object: WalObject
  bytes: number
}

export interface Listed {
  key: Key
  bytes: number
}

/**
 * What of the listing of one target is not in that of another: whole segments and histories, and pieces of segments that neither has whole.
 *
 * Both listings come in the order of keys, and of each only the objects of one segment are held at a time.
 *
 * @param from WAL that ends before this place is left out; a history never is
 */
export async function* missingWal(
  here: AsyncIterable<Listed>,
  there: AsyncIterable<Listed>,
  { from, segmentBytes }: { from: bigint; segmentBytes: number },
): AsyncGenerator<MissingWal> {
  const own = placesOf(here)
  let mine = await own.next()
  for await (const theirs of placesOf(there)) {
    while (!mine.done && mine.value.place < theirs.place) mine = await own.next()
    const held = !mine.done && mine.value.place === theirs.place ? mine.value.objects : []
    const known = new Set(held.map(({ key }) => key))
    const whole = [...held, ...theirs.objects].some(({ object }) => object.kind === 'segment')
    for (const one of theirs.objects) {
      const range = rangeOf(one.object, segmentBytes)
      const isWanted = range === undefined || range.end > from
      if (isWanted && !known.has(one.key) && !(whole && one.object.kind === 'piece')) yield one
    }
  }
}

interface PlaceOfLog {
  /** Prefix of the keys of everything there: a segment, or a history. */
  place: string
  objects: MissingWal[]
}

async function* placesOf(listing: AsyncIterable<Listed>): AsyncGenerator<PlaceOfLog, undefined> {
  let current: PlaceOfLog | undefined
  for await (const { key, bytes } of listing) {
    const object = parseWalKey(key)
    if (object === undefined || bytes === 0) continue
    const place = key.slice(0, key.indexOf('.'))
    if (current?.place !== place) {
      if (current) yield current
      current = { place, objects: [] }
    }
    current.objects.push({ key, object, bytes })
  }
  if (current) yield current
  return undefined
}
