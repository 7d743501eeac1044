import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { ExpiryOutcome } from '@lifeboat/shared/domain/retention.ts'
import { expect, test } from 'vitest'
import { styleFor } from '../format/style.ts'
import { expiryText } from './expiry-text.ts'
import { judgeExpiry } from './judge-expiry.ts'

const NOW = Date.UTC(2026, 10, 30, 12)
const schedule = { cron: '0 3 2 * *', zone: 'UTC' }
const outcome: ExpiryOutcome = {
  ...{ at: moment(Date.UTC(2026, 10, 2, 3, 1)), dueAt: moment(Date.UTC(2026, 10, 2, 3)), did: 'applied' },
  ...{ digest: 'abc', going: 4, bytes: 12e9, wal: 1, refused: [], doubts: [] },
}

function judge({ auto = true, expiryOutcome = undefined as ExpiryOutcome | undefined, since = '2026-11-02' } = {}) {
  const expiryWatch = { schedule: '0 3 2 * * UTC', since: moment(Date.parse(since)) }
  return judgeExpiry({ config: { expiry: { auto, schedule } } as never, expiryOutcome, expiryWatch }, NOW)
}
const text = (over: Partial<ExpiryOutcome>) =>
  expiryText(judge({ expiryOutcome: { ...outcome, ...over } }), NOW, styleFor(false))

test('a clean-up says when it last ran, what it removed, and when it runs next', () => {
  expect(judge({ expiryOutcome: outcome, since: '2026-11-02T03:01:00Z' })).toEqual({
    ...{ auto: true, last: outcome, nextAt: '2026-12-02T03:00:00.000Z' },
  })
  expect(expiryText(judge({ expiryOutcome: outcome, since: '2026-11-03' }), NOW, styleFor(false))).toBe(
    'Letting go  last 2026-11-02 03:01:00Z, 28 d ago: 4 copies, 12.0 GB, WAL of 1 archives let go; next 2026-12-02 03:00:00Z',
  )
})

test('one that passed and that nobody made up yet is told as due', () => {
  expect(judge({ since: '2026-10-30' })).toEqual({
    ...{ auto: true, dueAt: '2026-11-02T03:00:00.000Z', nextAt: '2026-12-02T03:00:00.000Z' },
  })
  expect(expiryText(judge({ since: '2026-10-30' }), NOW, styleFor(false))).toContain(
    'was never due yet; due since 2026-11-02 03:00:00Z and not settled yet',
  )
})

test('nothing that went says why not, and a plan alone says what to type', () => {
  expect(text({ going: 0, wal: 0 })).toContain(': nothing was to go; ')
  expect(text({ going: 0, wal: 0, doubts: ['a', 'b', 'c', 'd'] })).toContain('not sure enough: a; b; c; 1 more')
  // What stays for want of knowledge may be of another source than what went.
  expect(text({ doubts: ['a'] })).toContain('4 copies, 12.0 GB, WAL of 1 archives let go; not sure enough: a')
  expect(text({ did: 'refused', refused: ['9 of the 10 would go'] })).toContain(': refused: 9 of the 10 would go')
  expect(text({ did: 'planned' })).toContain(
    'only planned: 4 copies, 12.0 GB, WAL of 1 archives may go, `lifeboat expiry plan`',
  )
})

test('without a schedule only a person lets go, and there is nothing to say', () => {
  const config = { expiry: { auto: false } } as never
  expect(judgeExpiry({ config, expiryOutcome: outcome, expiryWatch: undefined }, NOW)).toBeUndefined()
  expect(expiryText(undefined, NOW, styleFor(false))).toBe('')
})
