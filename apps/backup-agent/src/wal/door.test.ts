import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test, vi } from 'vitest'
import { Door } from './door.ts'

const refusal = () => new LifeboatError('SOURCE_AUTH_REFUSED', { user: 'backup' })

test('behind a refused login one tries once a minute, and whoever comes meanwhile is told the same', async () => {
  let nowMs = 0
  const door = new Door(() => nowMs)
  const logIn = vi.fn(() => Promise.reject(refusal()))
  for (; nowMs < 600_000; nowMs += 2_000)
    await expect(door.enter('session', logIn)).rejects.toMatchObject({ code: 'SOURCE_AUTH_REFUSED' })
  expect(logIn).toHaveBeenCalledTimes(10)
})

test('while one waits for its answer the others do not try as well', async () => {
  let nowMs = 0
  const door = new Door(() => nowMs)
  await expect(door.enter('session', () => Promise.reject(refusal()))).rejects.toThrow()
  nowMs = 60_000
  const answer = Promise.withResolvers<string>()
  const logIn = vi.fn(() => answer.promise)
  const first = door.enter('session', logIn)
  await expect(door.enter('session', logIn)).rejects.toMatchObject({ code: 'SOURCE_AUTH_REFUSED' })
  answer.resolve('in')
  expect([await first, await door.enter('session', logIn)]).toEqual(['in', 'in'])
  expect(logIn).toHaveBeenCalledTimes(2)
})

test('a server that is away is asked as often as anybody likes, and a stream that is not let in keeps no session out', async () => {
  const door = new Door(() => 0)
  const away = vi.fn(() => Promise.reject(new LifeboatError('SOURCE_UNREACHABLE')))
  for (let times = 0; times < 5; times += 1)
    await expect(door.enter('session', away)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
  expect(away).toHaveBeenCalledTimes(5)
  await expect(door.enter('stream', () => Promise.reject(refusal()))).rejects.toThrow()
  expect(await door.enter('session', async () => 'in')).toBe('in')
})
