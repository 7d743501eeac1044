import { expect, test } from 'vitest'
import { normalizeRendered } from './normalize.ts'

test.each([
  [
    'an IN list on varchar, before and after a restore',
    `CHECK (((state)::text = ANY ((ARRAY['new'::character varying, 'done'::character varying])::text[])))`,
    `CHECK (((state)::text = ANY (ARRAY[('new'::character varying)::text, ('done'::character varying)::text])))`,
  ],
  ['a cast with a length and a zone', `((at)::timestamp(3) without time zone > (n)::numeric(10,2))`, `(at > n)`],
  ['a cast to a quoted type', `f((x)::"My"."Odd Type"[], y)`, 'f(x, y)'],
])('%s reads the same', (_, before, after) => {
  expect(normalizeRendered(before)).toBe(normalizeRendered(after))
})

test.each([
  ['other grouping', '((a + b) * c)', '(a + (b * c))'],
  ['another constant', `(a = 'x'::text)`, `(a = 'y'::text)`],
  ['parentheses inside a constant', `(a = '(x)')`, `(a = 'x')`],
  ['a cast inside a constant', `(a = 'x::text')`, `(a = 'x')`],
  ['a call and a name', '(now() > a)', '(now > a)'],
  ['another name in quotes', '("A" = 1)', '("a" = 1)'],
  ['a subscript', '(a[1] = 1)', '(a = 1)'],
])('%s stays a difference', (_, one, other) => {
  expect(normalizeRendered(one)).not.toBe(normalizeRendered(other))
})
