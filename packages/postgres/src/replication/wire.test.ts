import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { Wire } from './wire.ts'

/** A socket whose server says what the test pushes. */
function line(): { socket: Duplex; wire: Wire } {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  return { socket, wire: new Wire(socket as Socket) }
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeUInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

const BODIES = [0, 1, 3, 4, 5, 6, 100, 70_000, 2].map((length, no) => Buffer.alloc(length, no + 1))
const ALL = Buffer.concat(BODIES.map((body) => message('d', body)))

test.each([1, 2, 3, 4, 5, 6, 7, 64, 65_536])(
  'messages are the same when they arrive %i bytes at a time',
  async (size) => {
    const { socket, wire } = line()
    for (let at = 0; at < ALL.length; at += size) socket.push(ALL.subarray(at, at + size))
    for (const body of BODIES) expect((await wire.read()).body.equals(body)).toBe(true)
  },
)

test('a long message lies in memory that was given back, and never in that of one which was not', async () => {
  const { socket, wire } = line()
  const send = (no: number) => socket.push(message('d', Buffer.alloc(131_097, no)))
  send(1)
  const kept = await wire.read()
  send(2)
  const returned = await wire.read()
  wire.giveBack(returned.body.subarray(25))
  send(3)
  send(4)
  const [third, fourth] = [await wire.read(), await wire.read()]
  expect(third.body.buffer).toBe(returned.body.buffer)
  for (const [{ body }, no] of [
    [kept, 1],
    [third, 3],
    [fourth, 4],
  ] as const)
    expect(body.equals(Buffer.alloc(131_097, no)), `message ${no}`).toBe(true)
})

test('what had arrived before the connection broke is still read, and then the reason is told', async () => {
  const { socket, wire } = line()
  socket.push(message('Z', Buffer.from('I')))
  socket.push(Buffer.from([0x64, 0, 0]))
  socket.push(null)
  expect((await wire.read()).type).toBe(0x5a)
  await expect(wire.read()).rejects.toMatchObject({ code: 'SOURCE_CONNECTION_LOST' })
})

test('a reader that waits is told at once why the connection was given up', async () => {
  const { wire } = line()
  const waiting = wire.read()
  wire.destroy(new LifeboatError('RUN_CANCELLED'))
  await expect(waiting).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
})

test('a reader that does not read stops the socket', async () => {
  const { socket, wire } = line()
  const chunk = message('d', Buffer.alloc(100_000))
  let pushed = 0
  while (pushed < 100 && !socket.isPaused()) {
    socket.push(chunk)
    pushed++
    await new Promise(setImmediate)
  }
  expect(pushed).toBeLessThan(10)
  for (let no = 0; no < pushed; no++) await wire.read()
  void wire.read().catch(() => {})
  expect(socket.isPaused()).toBe(false)
  wire.destroy(new LifeboatError('RUN_CANCELLED'))
})
