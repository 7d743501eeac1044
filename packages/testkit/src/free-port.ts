import { once } from 'node:events'
import { createServer, type ListenOptions, type Server } from 'node:net'

/** Below what Linux gives to connections and to who asks for any port (32768 and up): nobody is given one of these by chance. */
const LOWEST = 20_000
const HIGHEST = 32_000
const given = new Set<number>()

/**
 * A port nobody listens on now, chosen at random, and until this process ends no other that asks here is given it: tests run side by side,
 * and between the choice of a port and its use, or while its server is down, another test's server would take it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (given.has(port)) continue
    given.add(port)
    if ((await reserve(port)) && (await isFree(port))) return port
  }
}

/** By a name that the kernel gives to one process at a time and takes back when that ends; only Linux has them. */
async function reserve(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const held = await listening({ path: `\0lifeboat-port-${port}` })
  held?.unref()
  return held !== undefined
}

async function isFree(port: number): Promise<boolean> {
  const server = await listening({ port, host: '127.0.0.1' })
  if (server === undefined) return false
  server.close()
  await once(server, 'close')
  return true
}

async function listening(at: ListenOptions): Promise<Server | undefined> {
  const server = createServer()
  try {
    server.listen(at)
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}
