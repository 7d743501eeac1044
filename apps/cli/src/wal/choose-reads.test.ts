import { expect, test } from 'vitest'
import { unequalWal } from './choose-reads.ts'

const listed = (targetId: string, sizes: Record<string, number>) =>
  ({ targetId, sizes: new Map(Object.entries(sizes)) }) as never
const chosen = (...listings: never[]) => Object.fromEntries(unequalWal(listings))

test('what has another length at another target is to be read wherever it lies', () => {
  const [aws, gcp, nas] = [listed('aws', { a: 5, b: 7 }), listed('gcp', { a: 5, b: 9, c: 1 }), listed('nas', { b: 9 })]
  expect(chosen(aws, gcp, nas)).toEqual({ aws: ['b'], gcp: ['b'], nas: ['b'] })
})

test('nothing is to be read where all lengths agree, or there is nothing to compare with', () => {
  expect(chosen(listed('aws', { a: 5 }), listed('gcp', { a: 5, b: 6 }))).toEqual({ aws: [], gcp: [] })
  expect(chosen(listed('aws', { a: 5 }))).toEqual({ aws: [] })
})
