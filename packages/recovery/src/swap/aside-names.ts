import { createHash } from 'node:crypto'
import { compactTime } from '@lifeboat/shared/time/clock.ts'

/** PostgreSQL cuts longer names, in silence. */
export const NAME_BYTES = 63
const STAMP = /_(before|reverted)_(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z$/

/** `records_before_20260926t020000z`: what a database is called once another has its name. Of a long name the end gives way to a hash of the whole, so that no other has its asides. */
export function asideName(database: string, why: 'before' | 'reverted', nowMs: number): string {
  const tail = `_${why}_${compactTime(nowMs).toLowerCase()}`
  return `${stemOf(database, NAME_BYTES - tail.length)}${tail}`
}

/** `records_before_<when>`, for people, as long as nobody knows when. */
export function asideForm(database: string): string {
  return asideName(database, 'before', 0).replace(/[^_]+$/, '<when>')
}

/** A name, or what is left of it where something is to be written behind it. */
export function stemOf(name: string, bytes: number): string {
  return Buffer.byteLength(name) <= bytes ? name : hashedStem(name, bytes, name)
}

/** The beginning of a name, and a hash of what it is to stand for. */
export function hashedStem(name: string, bytes: number, whole: string): string {
  const hash = `_${createHash('sha256').update(whole).digest('hex').slice(0, 8)}`
  return `${cut(name, bytes - hash.length)}${hash}`
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
      const own = tail !== '' && name === `${stemOf(database, NAME_BYTES - tail.length)}${tail}`
      const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
      return own ? [{ name, why: why as Aside['why'], atMs }] : []
    })
    .sort((a, b) => b.atMs - a.atMs)
}

/** As many whole characters as fit. */
function cut(name: string, bytes: number): string {
  let kept = name
  while (Buffer.byteLength(kept) > bytes) kept = [...kept].slice(0, -1).join('')
  return kept
}
