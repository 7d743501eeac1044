const DAY_MS = 86_400_000
/** Hexadecimal digits of the digest that are looked at, from its end. */
const DIGITS = 8

/**
 * Whether an object of WAL is to be read between two moments. Nothing is remembered of single objects: the digest in its name gives each a place in a period of
 * `1 / share` days, so each is read once in it, and about the same share each day.
 *
 * @param fromMs excluded; more than a day before `toMs` counts as a day, so that nobody who was away reads everything at once
 * @param share of all objects, a day; 0: none
 */
export function isItsTurn(digest: string, { share, fromMs, toMs }: { share: number; fromMs: number; toMs: number }) {
  if (share <= 0) return false
  const periodMs = DAY_MS / share
  const place = (Number.parseInt(digest.slice(-DIGITS), 16) / 16 ** DIGITS) * periodMs
  const afterMs = Math.max(fromMs, toMs - DAY_MS)
  const next = place + (Math.floor((afterMs - place) / periodMs) + 1) * periodMs
  return next <= toMs
}
