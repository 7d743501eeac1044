import { compactTime } from '@lifeboat/shared/time/clock.ts'

/** PostgreSQL cuts longer names, in silence. */
export const NAME_BYTES = 63
const STAMP = /_(before|reverted)_(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z$/

/** `records_before_20260926t020000z`: what a database is called once another has its name. */
export function asideName(database: string, why: 'before' | 'reverted', nowMs: number): string {
  const tail = `_${why}_${compactTime(nowMs).toLowerCase()}`
  return `${cut(database, NAME_BYTES - tail.length)}${tail}`
}

export interface Aside {
  name: string
  why: 'before' | 'reverted'
  /** When it was put aside, by the clock of whoever did it. */
  atMs: number
}

/** Those of these names under which a database of that name was put aside, the newest first. */
export function asideOf(database: string, names: readonly string[]): Aside[] {
  return names
    .flatMap((name): Aside[] => {
      const [tail = '', why, year, month, day, hour, minute, second] = STAMP.exec(name) ?? []
      const own = tail !== '' && name === `${cut(database, NAME_BYTES - tail.length)}${tail}`
      const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
      return own ? [{ name, why: why as Aside['why'], atMs }] : []
    })
    .sort((a, b) => b.atMs - a.atMs)
}

/** As many whole characters as fit. */
export function cut(name: string, bytes: number): string {
  let kept = name
  while (Buffer.byteLength(kept) > bytes) kept = [...kept].slice(0, -1).join('')
  return kept
}
