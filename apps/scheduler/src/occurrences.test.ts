import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jitterOf, nominalMs, occurrences } from './occurrences.ts'

const DAY = 86_400_000
/** When clocks changed in New York, Berlin and on Lord Howe. */
const CHANGES = ['2026-03-08', '2026-03-29', '2026-04-04', '2026-10-03', '2026-10-25', '2026-11-01']

function times(cron: string, zone: string, from: string, days: number): string[] {
  const start = Date.parse(from)
  return occurrences({ cron, zone }, start, start + days * DAY, 1000).map((ms) =>
    new Date(ms).toISOString().slice(5, 16),
  )
}

describe('occurrences', () => {
  it('a nightly run at a local time that does not exist runs once, right after the gap, in Berlin', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', 3)).toEqual([
      '03-28T01:30',
      '03-29T01:00',
      '03-30T00:30',
    ])
  })

  it('a nightly run at a local time that comes twice runs once, the first time, in Berlin', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-10-23T12:00:00Z', 3)).toEqual([
      '10-24T00:30',
      '10-25T00:30',
      '10-26T01:30',
    ])
  })

  it('a nightly run keeps its local time across both changes in New York', () => {
    expect(times('30 2 * * *', 'America/New_York', '2026-03-06T12:00:00Z', 3)).toEqual([
      '03-07T07:30',
      '03-08T07:00',
      '03-09T06:30',
    ])
    expect(times('30 1 * * *', 'America/New_York', '2026-10-30T12:00:00Z', 3)).toEqual([
      '10-31T05:30',
      '11-01T05:30',
      '11-02T06:30',
    ])
  })

  it('a half-hour change of the clock loses and doubles no nightly run on Lord Howe', () => {
    expect(times('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T00:00:00Z', 3)).toEqual([
      '10-02T15:45',
      '10-03T15:30',
      '10-04T15:15',
    ])
    expect(times('45 1 * * *', 'Australia/Lord_Howe', '2026-04-03T00:00:00Z', 3)).toEqual([
      '04-03T14:45',
      '04-04T14:45',
      '04-05T15:15',
    ])
  })

  it.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])(
    'a run every 15 minutes keeps its rhythm in real time when the clock changes in %s',
    (zone) => {
      for (const change of CHANGES) {
        const start = Date.parse(`${change}T00:00:00Z`)
        const all = occurrences({ cron: '*/15 * * * *', zone }, start, start + DAY, 1000)
        expect(all).toEqual(Array.from({ length: 96 }, (_, at) => start + (at + 1) * 900_000))
      }
    },
  )

  it.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])(
    'whoever looks from whatever moment finds the same runs around the changes in %s',
    (zone) => {
      const cron = fc.constantFrom('30 2 * * *', '30 1 * * *', '45 1 * * *', '0 */6 * * *', '5 1,2,3 * * *')
      const change = fc.constantFrom(...CHANGES)
      fc.assert(
        fc.property(cron, change, fc.integer({ min: 0, max: 2 * DAY }), (pattern, day, offset) => {
          const start = Date.parse(`${day}T00:00:00Z`) - DAY
          const end = start + 3 * DAY
          const all = occurrences({ cron: pattern, zone }, start, end, 1000)
          const later = occurrences({ cron: pattern, zone }, start + offset, end, 1000)
          expect(later).toEqual(all.filter((ms) => ms > start + offset))
        }),
        { numRuns: 300 },
      )
    },
    20_000,
  )

  it('takes seconds as a sixth field', () => {
    expect(occurrences({ cron: '*/20 * * * * *', zone: 'UTC' }, 0, 60_000, 10)).toEqual([20_000, 40_000, 60_000])
  })

  it('a day that never comes gives no run', () => {
    expect(occurrences({ cron: '0 0 30 2 *', zone: 'UTC' }, 0, 30 * DAY, 10)).toEqual([])
  })

  it('stops at the limit', () => {
    expect(occurrences({ cron: '* * * * *', zone: 'UTC' }, 0, DAY, 3)).toEqual([60_000, 120_000, 180_000])
  })

  it.each([
    ['every day', 'UTC'],
    ['0 2 * * *', 'Europe/Atlantis'],
  ])('refuses %s in %s as a configuration problem', (cron, zone) => {
    expect(() => occurrences({ cron, zone }, 0, DAY, 1)).toThrow(
      expect.toSatisfy((err: unknown) => LifeboatError.is(err, 'CONFIG_INVALID')),
    )
  })
})

describe('jitterOf', () => {
  it('gives the same run the same delay and different runs different ones', () => {
    expect(jitterOf('daily.records.20260926T020000Z', 600_000)).toBe(
      jitterOf('daily.records.20260926T020000Z', 600_000),
    )
    const delays = new Set(
      Array.from({ length: 100 }, (_, at) => jitterOf(`daily.source-${at}.20260926T020000Z`, 600_000)),
    )
    expect(delays.size).toBeGreaterThan(95)
  })

  it('spreads a fleet evenly and never over the limit', () => {
    const delays = Array.from({ length: 4000 }, (_, at) => jitterOf(`daily.source-${at}.20260926T020000Z`, 1000))
    expect(Math.max(...delays)).toBeLessThan(1000)
    const quarters = [0, 1, 2, 3].map((q) => delays.filter((ms) => Math.floor(ms / 250) === q).length)
    for (const count of quarters) expect(count).toBeGreaterThan(850)
  })

  it('is nothing when the policy wants none', () => {
    expect(jitterOf('daily.records.20260926T020000Z', 0)).toBe(0)
  })
})

describe('nominalMs', () => {
  it('reads the moment out of a scheduled run and none out of an operator’s', () => {
    expect(nominalMs('daily.records.20260926T020000Z')).toBe(Date.parse('2026-09-26T02:00:00Z'))
    expect(nominalMs('daily.records.20260926T020000Z-k3f9qa')).toBeUndefined()
  })
})
