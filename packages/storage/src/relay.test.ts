import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { relay } from './relay.ts'

async function broken(why?: Error): Promise<Readable> {
  const source = new Readable({ read() {} })
  source.on('error', () => {})
  source.destroy(why)
  await once(source, 'close').catch(() => {})
  return source
}

test('a source that broke before anybody listened breaks the relay, however many lie one over the other', async () => {
  const source = await broken(new Error('gone'))
  await expect(buffer(relay(source, {}))).rejects.toThrow('gone')
  const outer = relay(await broken(new Error('gone')), { translate: () => new Error('not to be had') })
  await once(outer, 'close').catch(() => {})
  await expect(buffer(relay(outer, {}))).rejects.toThrow('not to be had')
})

test('a source that was closed before its end is no end', async () => {
  await expect(buffer(relay(await broken(), {}))).rejects.toThrow('closed before its end')
})

test('what is whole comes through', async () => {
  expect(String(await buffer(relay(Readable.from([Buffer.from('whole')]), {})))).toBe('whole')
})
