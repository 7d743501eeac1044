import { expect, it, vi } from 'vitest'
import { byTurns } from './turns.ts'

it('lets everybody begin a round by turns', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const order: string[] = []
  await byTurns(['ours', 'theirs'], 3, async (one) => void order.push(one))
  expect(order).toEqual(['ours', 'theirs', 'theirs', 'ours', 'ours', 'theirs'])
})
