import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test, vi } from 'vitest'
import { aroundSwap } from './around-swap.ts'
import type { Command } from './command.ts'

test('a service that an earlier life stopped is started again by one that is told to end before its swap', async () => {
  let entry = { stage: 'ready', stopped: true }
  const reached: string[] = []
  const start = { command: ['/bin/true'], timeout: 10_000, env: {} }
  const command = {
    ...{ order: { hooks: { stop: 'start', start: 'start' } }, restore: { hooks: { start } }, entry: () => entry },
    run: { signal: AbortSignal.abort(new Error('told to end')), log: silentLogger },
    report: (phase: string) => reached.push(phase),
    step: async (stage: string, more: object) => {
      entry = { ...entry, ...more, stage }
    },
  } as unknown as Command
  const swap = vi.fn()
  const swapped = aroundSwap(command, { done: false, aside: undefined, swap, happened: async () => false })
  await expect(swapped).rejects.toThrow('told to end')
  expect([reached, entry.stopped]).toEqual([['start hook'], false])
  expect(swap).not.toHaveBeenCalled()
})
