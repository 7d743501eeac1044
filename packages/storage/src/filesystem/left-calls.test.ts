import { setImmediate } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { LeftCalls } from './left-calls.ts'

test('a call waits for those that were given up, what goes on behind them included, and for no other', async () => {
  const calls = new LeftCalls()
  const [one, two] = [new AbortController(), new AbortController()]
  const [hanging, stream] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const left = calls.begin(one.signal, () => hanging.promise)
  calls.watch(one.signal, stream.promise)
  const other = new AbortController().signal
  expect(await calls.begin(other, async () => 'at once')).toBe('at once')
  one.abort()
  const work = vi.fn(async () => 'after all')
  const next = calls.begin(other, work)
  const stopped = calls.begin(two.signal, work)
  two.abort(new Error('given up as well'))
  await expect(stopped).rejects.toThrow('given up as well')
  hanging.resolve()
  await left
  await setImmediate()
  expect(work).not.toHaveBeenCalled()
  stream.resolve()
  expect(await next).toBe('after all')
})
