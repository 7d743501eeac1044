import type { Moment } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { type HeldIdentity, judgeKeys } from './judge-keys.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const moment = (text: string) => new Date(text).toISOString() as Moment
const office: HeldIdentity = { name: 'office', recipient: 'age1office', escrow: false }
const safe: HeldIdentity = { name: 'safe', recipient: 'age1safe', escrow: true }
const until = (text: string): HeldIdentity => ({ ...office, name: 'old', recipient: 'age1old', until: moment(text) })

test.each<[string, string[] | undefined, HeldIdentity[], object]>([
  ['encrypted to a key that is there', ['age1office'], [office], { verdict: 'readable', by: ['office'] }],
  [
    'encrypted to two keys of which one is left',
    ['age1lost', 'age1safe'],
    [office, safe],
    { verdict: 'readable', by: ['safe'] },
  ],
  ['encrypted to nothing anybody has', ['age1lost'], [office, safe], { verdict: 'unreadable', by: [] }],
  [
    'encrypted to a key that was destroyed',
    ['age1old'],
    [office, until('2026-11-29T11:59Z')],
    { verdict: 'unreadable' },
  ],
  ['encrypted to a key that goes next week', ['age1old'], [until('2026-12-05')], { verdict: 'ending', by: ['old'] }],
  ['encrypted to a key that goes next year', ['age1old'], [until('2027-11-29')], { verdict: 'readable' }],
  [
    'encrypted to a key that goes and one that stays',
    ['age1old', 'age1safe'],
    [until('2026-12-05'), safe],
    { verdict: 'readable' },
  ],
  ['of which nobody wrote the keys down', undefined, [office], { verdict: 'unknown' }],
  ['judged where nobody declared a key', ['age1office'], [], { verdict: 'unknown' }],
])('a backup %s is judged so, with its reason', (_, recipients, identities, expected) => {
  const judged = judgeKeys(recipients, identities, NOW)
  expect(judged).toMatchObject(expected)
  expect(judged.reason).not.toBe('')
})

test('the reason names what is missing', () => {
  expect(judgeKeys(['age1old'], [until('2026-11-01')], NOW).reason).toBe(
    'it is encrypted to age1old: old was there until 2026-11-01T00:00:00.000Z',
  )
  expect(judgeKeys(['age1lost'], [office], NOW).reason).toBe(
    'it is encrypted to age1lost, of which no identity is declared available',
  )
})

test('of two keys that both go the later one counts', () => {
  const both = [until('2026-12-05'), { ...safe, until: moment('2026-12-20') }]
  expect(judgeKeys(['age1old', 'age1safe'], both, NOW)).toMatchObject({
    verdict: 'ending',
    until: '2026-12-20T00:00:00.000Z',
  })
})

test('without the only identity that is declared nothing opens it: that one must not be destroyed', () => {
  expect(judgeKeys(['age1office'], [], NOW, [office])).toMatchObject({ verdict: 'unreadable', by: [] })
})
