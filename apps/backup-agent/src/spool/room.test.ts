import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { room } from './room.ts'

const never = new AbortController().signal
const open = (opts: Partial<Parameters<typeof room>[0]> = {}) =>
  room({ maxBytes: 100, usedBytes: 0, stalledAfterMs: 60_000, ...opts })
const settled = (work: Promise<unknown>) => Promise.race([work.then(() => true), Promise.resolve().then(() => false)])

test('who finds no room waits until enough has left', async () => {
  const spool = open()
  await spool.take(80, never)
  const waiting = spool.take(40, never)
  spool.give(10)
  expect(await settled(waiting)).toBe(false)
  spool.give(10)
  await waiting
  expect(spool.used).toBe(100)
})

test('a small request does not overtake a large one that waits', async () => {
  const spool = open()
  await spool.take(80, never)
  const order: string[] = []
  const large = spool.take(60, never).then(() => order.push('large'))
  const small = spool.take(10, never).then(() => order.push('small'))
  expect(order).toEqual([])
  spool.give(80)
  await Promise.all([large, small])
  expect(order).toEqual(['large', 'small'])
})

test('a part larger than the whole spool is still let into an empty one', async () => {
  const spool = open()
  await spool.take(500, never)
  expect(spool.used).toBe(500)
})

test('an aborted wait takes nothing and lets the next one in', async () => {
  const spool = open()
  await spool.take(90, never)
  const stop = new AbortController()
  const first = spool.take(50, stop.signal)
  const second = spool.take(10, never)
  stop.abort(new LifeboatError('RUN_CANCELLED', {}))
  await expect(first).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
  await second
  expect(spool.used).toBe(100)
})

test('nothing leaving for long is SPOOL_FULL, with the numbers', async () => {
  const spool = open({ stalledAfterMs: 20 })
  await spool.take(100, never)
  await expect(spool.take(1, never)).rejects.toMatchObject({
    code: 'SPOOL_FULL',
    facts: { usedBytes: 100, maxBytes: 100 },
  })
})
