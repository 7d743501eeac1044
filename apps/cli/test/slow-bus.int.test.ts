import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

/** Longer than anybody waits for a server that is not there. */
const BUSY_MS = 4_000

test('a NATS that is there and takes its time to answer is waited for, other than one that is not there', async () => {
  await using fleet = await startFleet()
  await using slow = await slowAtFirst(fleet.nats.port)
  const file = join(fleet.dir, 'lifeboat.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replace(fleet.nats.url, `nats://127.0.0.1:${slow.port}`))
  const { code, out } = await cli(fleet.dir, ['backup', 'list', '--json'])
  expect([code, JSON.parse(out), slow.held()]).toEqual([0, { backups: [], sets: [] }, 1])
})

/** Stands before the server, and lets the first question about a stream wait. */
async function slowAtFirst(to: number): Promise<{ port: number; held(): number } & AsyncDisposable> {
  let held = 0
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1')
    for (const [from, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      from.on('error', () => {}).on('close', () => other.destroy())
    upstream.pipe(client)
    client.on('data', (bytes) => {
      if (held > 0 || !bytes.includes('$JS.API')) return void upstream.write(bytes)
      held += 1
      client.pause()
      upstream.cork()
      upstream.write(bytes)
      setTimeout(() => {
        upstream.uncork()
        client.resume()
      }, BUSY_MS)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    held: () => held,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
