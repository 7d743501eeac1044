import type { ExpiryWatch } from '@lifeboat/catalog/expiry/buckets.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { describe, expect, test } from 'vitest'
import { type ExpiryDue, expiryDue } from './expiry-due.ts'

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]
/** The runbook's monthly clean-up. */
const MONTHLY = { cron: '0 3 2 * *', zone: 'UTC' }
const OCTOBER = Date.UTC(2026, 9, 2, 3)
const NOVEMBER = Date.UTC(2026, 10, 2, 3)
const DECEMBER = Date.UTC(2026, 11, 2, 3)

function watched(sinceMs: number, begun?: { firstMs: number; lastMs: number }): ExpiryWatch {
  const times = begun && {
    ...{ dueAt: moment(NOVEMBER), firstAt: moment(begun.firstMs), lastAt: moment(begun.lastMs) },
  }
  return { schedule: '0 3 2 * * UTC', since: moment(sinceMs), ...(times && { begun: times }) }
}
const due = (known: ExpiryWatch | undefined, nowMs: number): ExpiryDue => expiryDue(known, MONTHLY, nowMs)

test('nothing is due before its time, and at its time it is', () => {
  expect(due(watched(OCTOBER), NOVEMBER - 1)).toEqual({ do: 'nothing' })
  expect(due(watched(OCTOBER), NOVEMBER)).toMatchObject({ do: 'expire', dueAt: moment(NOVEMBER) })
})

test('one that passed while no scheduler ran is made up, also months later, and however often it passed once', () => {
  expect(due(watched(OCTOBER), NOVEMBER + 20 * DAY)).toMatchObject({ do: 'expire', dueAt: moment(NOVEMBER) })
  expect(due(watched(OCTOBER), DECEMBER + DAY)).toMatchObject({ do: 'expire', dueAt: moment(NOVEMBER) })
  expect(due(watched(DECEMBER + DAY), DECEMBER + 2 * DAY)).toEqual({ do: 'nothing' })
})

describe('a schedule counts from now on', () => {
  const now = NOVEMBER + DAY
  const anew = { do: 'watch', watch: { schedule: '0 3 2 * * UTC', since: moment(now) } }

  test('when nobody watched it yet, or it was another before', () => {
    expect(due(undefined, now)).toEqual(anew)
    expect(due({ ...watched(OCTOBER), schedule: '0 3 1 * * UTC' }, now)).toEqual(anew)
    expect(due({ ...watched(OCTOBER), schedule: '0 3 2 * * Europe/Berlin' }, now)).toEqual(anew)
  })

  test('when the clock was a year ahead, and one that goes back by minutes does not do again what was done', () => {
    expect(due(watched(now + 365 * DAY), now)).toEqual(anew)
    expect(due(watched(NOVEMBER + 30 * MINUTE), NOVEMBER)).toEqual({ do: 'nothing' })
  })
})

describe('one that somebody has begun', () => {
  test('is theirs for ten minutes, then another goes on with it', () => {
    const begun = watched(OCTOBER, { firstMs: NOVEMBER, lastMs: NOVEMBER + HOUR })
    expect(due(begun, NOVEMBER + HOUR + 9 * MINUTE)).toEqual({ do: 'nothing' })
    const again = due(begun, NOVEMBER + HOUR + 10 * MINUTE)
    expect(again).toMatchObject({ do: 'expire', dueAt: moment(NOVEMBER), firstAt: moment(NOVEMBER) })
    expect(again).toMatchObject({ watch: { begun: { lastAt: moment(NOVEMBER + HOUR + 10 * MINUTE) } } })
  })

  test('at a time that lies ahead by now is begun again', () => {
    const begun = watched(OCTOBER, { firstMs: NOVEMBER, lastMs: NOVEMBER + 400 * DAY })
    expect(due(begun, NOVEMBER + MINUTE)).toMatchObject({ do: 'expire' })
  })
})
