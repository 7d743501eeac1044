import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentConfig } from '../src/config.ts'
import { SOURCE } from './agent-house.ts'
import type { RestoreHouse } from './restore-house.ts'
import type { TablesHouse } from './tables-restore-house.ts'

/** What becomes of the first COMMIT of whoever did what a restore does at its end. `answer, and the server`: for three seconds nobody gets in. */
export type Loss =
  | 'the answer'
  | 'the answer, but not the connection,'
  | 'the answer, and the server for a while,'
  | 'the question'
  | 'the question, and what was loaded,'
  | 'the connection, while the server is at it'

export interface LosingProxy extends AsyncDisposable {
  port: number
  /** So many times something was lost. */
  lost(): number
}

const AWAY_MS = 3000
/** In what moves rows, what names a schema, and what lets go of rows. */
const ENDINGS = ['overriding system value', 'alter schema', 'drop table']

/** Stands between agent and server. Who did what is to be committed and says so is cut off, and the server hears of it or not. */
export async function losing({ at, query }: TablesHouse, loss: Loss): Promise<LosingProxy> {
  let lost = 0
  let awayUntil = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    if (Date.now() < awayUntil) return client.destroy()
    const upstream = connect(at.house.pg.port, at.house.pg.host)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    let ends = false
    upstream.on('data', (bytes) => client.write(bytes)).on('close', () => client.destroy())
    client.on('data', (bytes) => {
      ends ||= ENDINGS.some((words) => bytes.includes(words))
      if (!ends || !bytes.includes('commit\0') || lost > 0) return upstream.write(bytes)
      lost++
      if (loss === 'the question') return upstream.destroy()
      if (loss === 'the question, and what was loaded,') {
        upstream.removeAllListeners('close').destroy()
        void dropLoaded(query).finally(() => client.destroy())
        return false
      }
      if (loss === 'the answer, and the server for a while,') awayUntil = Date.now() + AWAY_MS
      client.removeAllListeners('close')
      upstream.removeAllListeners('data')
      if (loss !== 'the answer, but not the connection,') client.destroy()
      void sleep(loss === 'the connection, while the server is at it' ? 3000 : 0).then(() => upstream.write(bytes))
      return false
    })
    client.on('close', () => upstream.destroy())
    return client
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

/** As the next restore of the database does with what an earlier one left. */
async function dropLoaded(query: TablesHouse['query']): Promise<void> {
  for (const { name } of await query(`select nspname as name from pg_namespace where nspname ~ '^lifeboat_restoring_'`))
    await query(`drop schema ${name} cascade`)
}

/** An agent that reaches the server by this port. */
export function through(at: RestoreHouse, port: number): AgentConfig {
  const cfg = at.config()
  const source = cfg.sources.get(SOURCE)
  if (!source || !('connection' in source) || !source.restore) throw new Error('the source is a database')
  const { connection, restore } = source
  const behind = { ...source, connection: { ...connection, port }, restore: { ...restore, port } }
  return { ...cfg, sources: new Map([[SOURCE, behind]]) }
}
