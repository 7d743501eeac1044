import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { bodiesOf } from './bodies.ts'

const streamOf = (text: string) => Readable.from([Buffer.from(text)], { objectMode: false })

test('the first try gets the body that is open already, later tries get fresh ones', async () => {
  let opened = 0
  using bodies = bodiesOf(streamOf('first'), async () => streamOf(`again ${++opened}`))
  const texts = [await buffer(bodies()), await buffer(bodies()), await buffer(bodies())]
  expect(texts.map(String)).toEqual(['first', 'again 1', 'again 2'])
})

test('a body that cannot be opened again breaks the try with the reason', async () => {
  const reason = new Error('gone')
  using bodies = bodiesOf(streamOf('first'), () => Promise.reject(reason))
  bodies()
  await expect(buffer(bodies())).rejects.toBe(reason)
})

test('a body that comes after its put has ended is closed, and nothing else happens', async () => {
  const late = Promise.withResolvers<Readable>()
  const bodies = bodiesOf(streamOf('first'), () => late.promise)
  bodies()
  bodies()
  bodies[Symbol.dispose]()
  const body = streamOf('late')
  late.resolve(body)
  await new Promise((soon) => setTimeout(soon, 10))
  expect(body.destroyed).toBe(true)
})
