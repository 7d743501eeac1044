import { expect, test } from 'vitest'
import { noteBeat } from './heartbeat.ts'
import { Moments } from './moments.ts'

const BEFORE = 1_000
const NEWEST = 6_000

test.each([
  ['the row is the one that was written last', { wasMs: NEWEST, isMs: 11_000 }, BEFORE, 11_000],
  ['another agent wrote it meanwhile', { wasMs: 8_000, isMs: 11_000 }, BEFORE, 11_000],
  ['the database came out of an older dump', { wasMs: 500, isMs: 11_000 }, undefined, 11_000],
  ['the database has no row', { wasMs: undefined, isMs: 11_000 }, undefined, 11_000],
  ['the clock of the server went back', { wasMs: NEWEST, isMs: 3_000 }, undefined, 3_000],
])('what is known of heartbeats when %s', (_, beat, early, late) => {
  const beats = new Moments()
  beats.note(10n, BEFORE)
  beats.note(20n, NEWEST)
  noteBeat(beats, { lsn: 30n, ...beat })
  expect([beats.heldBy(10n), beats.heldBy(30n)]).toEqual([early, late])
})
