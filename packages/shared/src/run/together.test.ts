import { expect, test } from 'vitest'
import { together } from './together.ts'

const run = { signal: new AbortController().signal }

test('ends when all have ended', async () => {
  const ended: number[] = []
  await together(run, [async () => ended.push(1), () => Promise.resolve().then(() => ended.push(2))])
  expect(ended).toEqual([1, 2])
})

test('the first failure ends the others, and is told when they have ended', async () => {
  let isEnded = false
  const first = new Error('first')
  const waiting = ({ signal }: typeof run) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        setImmediate(() => {
          isEnded = true
          reject(new Error('second'))
        })
      })
    })
  await expect(together(run, [waiting, () => Promise.reject(first)])).rejects.toBe(first)
  expect(isEnded).toBe(true)
})

test('who ends the run is told to all', async () => {
  const outer = new AbortController()
  const waiting = ({ signal }: typeof run) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const all = together({ signal: outer.signal }, [waiting, waiting])
  outer.abort(new Error('enough'))
  await expect(all).rejects.toThrow('enough')
})
