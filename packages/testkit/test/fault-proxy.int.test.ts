import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { type Fault, startFaultProxy } from '../src/fault-proxy.ts'

const BODY = Buffer.from('0123456789'.repeat(20_000))

test('without a fault everything passes, headers and all', async () => {
  await using world = await startWorld()
  const answer = await world.put(BODY)
  expect(answer.status).toBe(201)
  expect(answer.headers.get('x-seen-host')).toBe(new URL(world.proxy.endpoint).host)
  expect(Buffer.from(await answer.arrayBuffer()).equals(BODY)).toBe(true)
  expect(world.proxy.seen).toEqual(['PUT /object?part=1'])
})

test('a status is answered as often as asked, without the server hearing of it', async () => {
  await using world = await startWorld()
  world.proxy.inject({ kind: 'status', status: 503 }, { times: 2 })
  expect([(await world.put(BODY)).status, (await world.put(BODY)).status, (await world.put(BODY)).status]).toEqual([
    503, 503, 201,
  ])
  expect(world.bodies).toHaveLength(1)
})

test('a rule picks requests by method and path', async () => {
  await using world = await startWorld()
  world.proxy.inject({ kind: 'status', status: 500 }, { method: 'DELETE' })
  world.proxy.inject({ kind: 'status', status: 501 }, { path: /part=2/ })
  expect((await world.put(BODY)).status).toBe(201)
  expect((await world.put(BODY, 'part=2')).status).toBe(501)
})

test('one bit is flipped where asked, on either way', async () => {
  await using world = await startWorld()
  for (const kind of ['flip-upload', 'flip-download'] as const) {
    world.proxy.inject({ kind, atByte: 123_456 })
    const back = Buffer.from(await (await world.put(BODY)).arrayBuffer())
    const differing = [...back.keys()].filter((at) => back[at] !== BODY[at])
    expect(differing).toEqual([123_456])
    expect(world.bodies.at(-1)?.equals(BODY)).toBe(kind === 'flip-download')
  }
})

test('an upload that is reset is reset for the server too, and never whole', async () => {
  await using world = await startWorld()
  await expect(world.broken({ kind: 'reset-upload', afterBytes: 100_000 })).resolves.toBe(true)
  expect(world.bodies).toEqual([])
})

test('a download that is reset has begun', async () => {
  await using world = await startWorld()
  world.proxy.inject({ kind: 'reset-download', afterBytes: 100_000 })
  const answer = await world.put(BODY)
  expect(answer.status).toBe(201)
  await expect(answer.arrayBuffer()).rejects.toThrow()
})

test('a lost answer comes after the work is done', async () => {
  await using world = await startWorld()
  await expect(world.broken({ kind: 'lose-answer' })).resolves.toBe(true)
  expect(world.bodies).toHaveLength(1)
})

test('a hanging request hangs until its client gives up', async () => {
  await using world = await startWorld()
  world.proxy.inject({ kind: 'hang' })
  await expect(world.put(BODY, '', AbortSignal.timeout(200))).rejects.toThrow()
  expect(world.bodies).toEqual([])
})

/** A server that gives back what it was sent, behind a proxy. */
async function startWorld() {
  const bodies: Buffer[] = []
  const http = createServer(async (req, res) => {
    const body = await buffer(req).catch(() => undefined)
    if (body === undefined) return void res.destroy()
    bodies.push(body)
    res.writeHead(201, { 'x-seen-host': req.headers.host }).end(body)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const proxy = await startFaultProxy(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  const put = (body: Buffer, query = 'part=1', signal?: AbortSignal) =>
    fetch(`${proxy.endpoint}/object?${query}`, { method: 'PUT', body, ...(signal && { signal }) })
  return {
    proxy,
    bodies,
    put,
    /** Did the exchange break? */
    async broken(fault: Fault): Promise<boolean> {
      proxy.inject(fault)
      return put(BODY).then(
        () => false,
        () => true,
      )
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      http.close()
      http.closeAllConnections()
    },
  }
}
