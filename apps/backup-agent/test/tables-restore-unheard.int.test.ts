import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { AgentConfig } from '../src/config.ts'
import { SOURCE } from './agent-house.ts'
import { openTablesHouse, type TablesHouse } from './tables-restore-house.ts'

let clinic: TablesHouse
beforeAll(async () => {
  clinic = await openTablesHouse()
})
afterAll(() => clinic?.[Symbol.asyncDispose]())
beforeEach(async () => {
  await clinic.reset()
  await clinic.query('delete from clinic.visit')
})

type Loss =
  | 'the answer'
  | 'the question'
  | 'the question, and what was loaded,'
  | 'the connection, while the server is at it'

/** As the next restore of the database does with what an earlier one left. */
async function dropLoaded(): Promise<void> {
  for (const { name } of await clinic.query(
    `select nspname as name from pg_namespace where nspname ~ '^lifeboat_restoring_'`,
  ))
    await clinic.query(`drop schema ${name} cascade`)
}

/** Stands between agent and server. Who moved rows and says COMMIT is cut off, and the server hears of it or not. */
async function losing(loss: Loss): Promise<{ port: number; lost: () => number } & AsyncDisposable> {
  let lost = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(clinic.at.house.pg.port, clinic.at.house.pg.host)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    let moves = false
    upstream.on('data', (bytes) => client.write(bytes)).on('close', () => client.destroy())
    client.on('data', (bytes) => {
      moves ||= bytes.includes('overriding system value')
      if (!moves || !bytes.includes('commit\0') || lost > 0) return upstream.write(bytes)
      lost++
      if (loss === 'the question') return upstream.destroy()
      if (loss === 'the question, and what was loaded,') {
        upstream.removeAllListeners('close').destroy()
        void dropLoaded().finally(() => client.destroy())
        return false
      }
      client.removeAllListeners('close')
      upstream.removeAllListeners('data')
      client.destroy()
      void sleep(loss === 'the answer' ? 0 : 3000).then(() => upstream.write(bytes))
      return false
    })
    client.on('close', () => upstream.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    lost: () => lost,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function through(port: number): AgentConfig {
  const cfg = clinic.at.config()
  const source = cfg.sources.get(SOURCE)
  if (!source || !('connection' in source) || !source.restore) throw new Error('the source is a database')
  const { connection, restore } = source
  const behind = { ...source, connection: { ...connection, port }, restore: { ...restore, port } }
  return { ...cfg, sources: new Map([[SOURCE, behind]]) }
}

test.each<[Loss, number, string]>([
  ['the answer', 300, 'done'],
  ['the connection, while the server is at it', 300, 'done'],
  ['the question', 0, 'failed'],
  ['the question, and what was loaded,', 0, 'failed'],
])('of the end of the transaction %s is lost, and what is told is what happened', async (loss, rows, outcome) => {
  await using proxy = await losing(loss)
  const cfg = through(proxy.port)
  await using _agent = await clinic.at.house.agent(cfg)
  const { restoreId } = await clinic.at.command(cfg, clinic.wish('visit', { how: 'replace' }))
  const [settled] = await clinic.at.settled(restoreId)
  expect([proxy.lost(), settled?.outcome, settled?.swapped]).toEqual([1, outcome, outcome === 'done'])
  expect(await clinic.query('select count(*)::int as rows from clinic.visit')).toEqual([{ rows }])
  expect(await clinic.left()).toEqual(rows === 0 ? [] : [expect.stringMatching(/visit_before_/)])
})
