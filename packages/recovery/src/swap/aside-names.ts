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

function stemOf(name: string, bytes: number): string {
  if (Buffer.byteLength(name) <= bytes) return name
  const hash = `_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  return `${cut(name, bytes - hash.length)}${hash}`
}

export interface Aside {
  name: string
  why: 'before' | 'reverted'
  /** When it was put aside, by the clock of whoever did it. */
  atMs: number
}

/** Those of these names under which a database of that name was put aside, the newest first. A name may also be cut without a hash: by such ones some are kept since before there was one. */
export function asideOf(database: string, names: readonly string[]): Aside[] {
  return names
    .flatMap((name): Aside[] => {
      const [tail = '', why, year, month, day, hour, minute, second] = STAMP.exec(name) ?? []
      const stems = [stemOf(database, NAME_BYTES - tail.length), cut(database, NAME_BYTES - tail.length)]
      const own = tail !== '' && stems.some((stem) => name === `${stem}${tail}`)
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
