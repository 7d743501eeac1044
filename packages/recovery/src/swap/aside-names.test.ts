import { expect, test } from 'vitest'
import { asideForm, asideName, asideOf } from './aside-names.ts'

const NOW = Date.parse('2026-09-26T02:00:00Z')

test('a database is put aside under its own name, why and when', () => {
  expect(asideName('records', 'before', NOW)).toBe('records_before_20260926t020000z')
})

test('a long name is cut so that the server does not cut the moment, and is found again', () => {
  for (const name of ['r'.repeat(63), 'Ä'.repeat(31)]) {
    const aside = asideName(name, 'reverted', NOW)
    expect(Buffer.byteLength(aside)).toBeLessThanOrEqual(63)
    expect(asideOf(name, [aside])).toEqual([{ name: aside, why: 'reverted', atMs: NOW }])
  }
})

test.each(['records', 'r'.repeat(63)])('the form of an aside is what it is called but for its time', (name) => {
  const form = asideForm(name)
  expect(form).toMatch(/_before_<when>$/)
  expect(asideName(name, 'before', NOW)).toBe(form.replace('<when>', '20260926t020000z'))
})

test('two long names that begin alike have asides of their own', () => {
  const [one, other] = ['visits', 'bills'].map((end) => `${'r'.repeat(45)}_${end}`) as [string, string]
  const [aside, another] = [one, other].map((name) => asideName(name, 'before', NOW)) as [string, string]
  expect(asideOf(one, [aside, another])).toEqual([{ name: aside, why: 'before', atMs: NOW }])
  expect(asideOf(other, [aside, another])).toEqual([{ name: another, why: 'before', atMs: NOW }])
})

test('what bears the beginning of a long name is of another', () => {
  const short = 'r'.repeat(39)
  const aside = asideName(short, 'before', NOW)
  expect(asideOf('r'.repeat(45), [aside])).toEqual([])
  expect(asideOf(short, [aside])).toHaveLength(1)
})

test('only what was put aside of this very database is found, the newest first', () => {
  const names = [
    'records',
    'records_before_20260926t020000z',
    'records_reverted_20260927t020000z',
    'old_records_before_20260926t020000z',
    'records_before_the_war',
  ]
  expect(asideOf('records', names).map(({ name }) => name)).toEqual([
    'records_reverted_20260927t020000z',
    'records_before_20260926t020000z',
  ])
})
