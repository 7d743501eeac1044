import { expect, test } from 'vitest'
import type { Outcome } from '../output.ts'
import type { Filed } from './filed.ts'
import { signAnewText } from './sign-anew-text.ts'

const NOW = Date.parse('2026-09-27T12:00:00.000Z')
const [VALID, EXPIRED] = ['2026-09-28T01:00:00.000Z', '2026-09-27T11:00:00.000Z']
const filed = (sourceId: string, expiresAt: string, signatures = 2): Filed =>
  ({
    order: { sourceId, expiresAt, hooks: { stop: 'stop-app', ready: 'ask-app' }, drainMs: 10_000, unproven: true },
    wish: { order: { signatures: Array.from({ length: signatures }) } },
  }) as unknown as Filed
const ended = (exit: Outcome['exit'], code = 'RESTORE_HOOK_FAILED') =>
  ({ exit, value: { error: { code } } }) as unknown as Outcome
const about = { file: 'set.json', point: 'weekly.20260927T010000Z' as never, nowMs: NOW }
const ANEW = [
  '  lifeboat restore set weekly.20260927T010000Z --source app --key … --identity … --why "…" --stop-hook stop-app --ready-hook ask-app --unproven --drain 10000ms --out app-anew.json',
  '  lifeboat restore sign app-anew.json --key …',
  '  lifeboat restore send app-anew.json',
]

test('one that failed is signed anew by itself, and the file goes on behind it', () => {
  const outcome = ended('failed')
  const text = signAnewText({ ...about, outcome, step: filed('app', VALID), rest: [filed('web', VALID)] })
  expect(text).toContain(`valid until ${VALID}`)
  expect(text.split('\n').slice(1)).toEqual([...ANEW, '  lifeboat restore send set.json'])
  const last = signAnewText({ ...about, outcome, step: filed('app', EXPIRED), rest: [] })
  expect(last.split('\n').slice(1)).toEqual(ANEW)
  const alone = signAnewText({ ...about, outcome, step: filed('app', VALID, 1), rest: [] })
  expect(alone.split('\n').slice(1)).toEqual([ANEW[0], ANEW[2]])
})

test('behind the time of the others all of them are written down anew', () => {
  const text = signAnewText({
    ...about,
    outcome: ended('failed'),
    step: filed('app', EXPIRED),
    rest: [filed('web', EXPIRED)],
  })
  expect(text.split('\n').slice(1)).toEqual([
    '  lifeboat restore set weekly.20260927T010000Z --key … --identity … --why "…" --out …',
  ])
})

test('what lacks a signature is signed, and what is no longer waited for is sent again to wait', () => {
  const at = { ...about, step: filed('app', VALID, 1), rest: [] }
  const lacking = signAnewText({ ...at, outcome: ended('failed', 'RESTORE_SIGNATURES_MISSING') })
  expect(lacking.split('\n').slice(1)).toEqual([
    '  lifeboat restore sign set.json --key …',
    '  lifeboat restore send set.json',
  ])
  expect(signAnewText({ ...at, outcome: ended('timeout') })).toMatch(/Sent again, .*`lifeboat restore send set\.json`/)
})
