import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inParallel } from './parallel.ts'

test('after a failure nothing is begun any more, and what was under way has ended before it is told', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const work = async (item: number) => {
    begun.push(item)
    await sleep(item * 20)
    if (item === 1) throw new Error('no room')
    ended.push(item)
  }
  await expect(inParallel([1, 2, 3, 4, 5, 6], 3, work)).rejects.toThrow('no room')
  expect({ begun, ended }).toEqual({ begun: [1, 2, 3], ended: [2, 3] })
})

test('everything is done, never more than the width at a time', async () => {
  let [now, most, done] = [0, 0, 0]
  await inParallel(Array.from({ length: 20 }).keys(), 4, async () => {
    now += 1
    most = Math.max(most, now)
    await sleep(1)
    now -= 1
    done += 1
  })
  expect({ most, done }).toEqual({ most: 4, done: 20 })
})
