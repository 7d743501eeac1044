import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { askProgress } from '@lifeboat/recovery/recover/ask-server.ts'
import { expect, test } from 'vitest'

/** AuthenticationOk and ReadyForQuery, as PostgreSQL's protocol has them. */
const LET_IN = Buffer.from([...[0x52, 0, 0, 0, 8, 0, 0, 0, 0], ...[0x5a, 0, 0, 0, 5, 0x49]])

test.each<[string, (socket: Socket) => void]>([
  ['closes the connection', (socket) => socket.end()],
  ['resets the connection', (socket) => socket.resetAndDestroy()],
])('a server that %s in the middle of a question says nothing about its progress', async (_, leave) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(LET_IN)
      socket.once('data', () => leave(socket))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const to = { host: '127.0.0.1', port, database: 'template1', user: 'postgres', sslmode: 'disable' } as const
  try {
    expect(await askProgress(to)).toBeUndefined()
  } finally {
    server.close()
  }
})
