import { expect, test } from 'vitest'
import { Growth } from './growth.ts'

const MINUTE = 60_000

test('growth counts from where a slot kept least within the last hour', () => {
  const growth = new Growth()
  expect(growth.to(70)).toBe(0)
  growth.note(50, 0)
  growth.note(10, 0.5 * MINUTE)
  growth.note(40, 2 * MINUTE)
  expect(growth.to(70)).toBe(60)
  expect(growth.to(5)).toBe(0)
  growth.note(40, 60 * MINUTE)
  expect(growth.to(70)).toBe(60)
  growth.note(45, 61 * MINUTE)
  expect(growth.to(70)).toBe(30)
})
