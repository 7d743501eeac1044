import { compactTime } from '@lifeboat/shared/time/clock.ts'

/** PostgreSQL cuts longer names, in silence. */
const NAME_BYTES = 63
const STAMP = /_(before|reverted)_\d{8}t\d{6}z$/

/** `records_before_20260926t020000z`: what a database is called once another has its name. */
export function asideName(database: string, why: 'before' | 'reverted', nowMs: number): string {
  const tail = `_${why}_${compactTime(nowMs).toLowerCase()}`
  return `${cut(database, NAME_BYTES - tail.length)}${tail}`
}

/** Those of these names under which a database of that name was put aside, the newest first. */
export function asideOf(database: string, names: readonly string[]): { name: string; why: 'before' | 'reverted' }[] {
  return names
    .flatMap((name) => {
      const [tail = '', why] = STAMP.exec(name) ?? []
      const own = tail !== '' && name === `${cut(database, NAME_BYTES - tail.length)}${tail}`
      return own ? [{ name, why: why as 'before' | 'reverted', at: tail.slice(-16) }] : []
    })
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .map(({ name, why }) => ({ name, why }))
}

/** As many whole characters as fit. */
function cut(name: string, bytes: number): string {
  let kept = name
  while (Buffer.byteLength(kept) > bytes) kept = [...kept].slice(0, -1).join('')
  return kept
}
