import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what Linux gives to connections and to who asks for any port (32768 and up): nobody is given one of these by chance. */
const LOWEST = 20_000
const HIGHEST = 32_000
const given = new Set<number>()

/**
 * A port nobody listens on now, chosen at random. The gap until it is used, or while its server is down, is the price of a port that is
 * known beforehand and survives restarts; only another process that asks here can fall into it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
