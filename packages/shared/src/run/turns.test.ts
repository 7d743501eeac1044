import { expect, test } from 'vitest'
import { turns } from './turns.ts'

const never = new AbortController().signal

test('so many at once, the others in the order they came', async () => {
  const room = turns(2)
  const [first, second] = [await room.take(never), await room.take(never)]
  const came: string[] = []
  const third = room.take(never).then((turn) => {
    came.push('third')
    return turn
  })
  const fourth = room.take(never).then(() => came.push('fourth'))
  first[Symbol.dispose]()
  // Twice is once.
  first[Symbol.dispose]()
  const turn = await third
  expect(came).toEqual(['third'])
  second[Symbol.dispose]()
  await fourth
  expect(came).toEqual(['third', 'fourth'])
  turn[Symbol.dispose]()
  await room.take(never)
})

test('who is called away leaves the line, and its turn goes to the next', async () => {
  const room = turns(1)
  const first = await room.take(never)
  const away = new AbortController()
  const gone = room.take(away.signal)
  const next = room.take(never)
  away.abort(new Error('stopping'))
  await expect(gone).rejects.toThrow('stopping')
  first[Symbol.dispose]()
  await next
  await expect(room.take(away.signal)).rejects.toThrow('stopping')
})
