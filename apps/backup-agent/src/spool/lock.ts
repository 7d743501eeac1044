import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** What the system allows for the path of a Unix socket, with some air. */
const LONGEST_PATH = 100
const SETTLE_MS = 50

/**
 * Holds a spool folder for this process alone, by listening on a socket inside it: the lock dies with its process, also across containers
 * that share the folder on one host.
 *
 * @throws LifeboatError SPOOL_IN_USE
 */
export async function lockSpool(folder: string): Promise<AsyncDisposable> {
  const path = socketPath(folder)
  const nonce = randomUUID()
  if ((await answerOf(path)) !== undefined) throw inUse(folder)
  await rm(path, { force: true })
  const server = createServer((socket) => socket.on('error', () => {}).end(nonce))
  server.listen(path)
  await once(server, 'listening').catch(() => {
    throw inUse(folder)
  })
  // Of two that found the same dead socket the later one holds the path now.
  await sleep(SETTLE_MS)
  const holder = await answerOf(path)
  const release = async () => {
    server.close()
    await once(server, 'close')
  }
  if (holder !== nonce) {
    await release()
    throw inUse(folder)
  }
  server.unref()
  return { [Symbol.asyncDispose]: release }
}

function socketPath(folder: string): string {
  const inside = join(folder, 'lock.sock')
  if (inside.length <= LONGEST_PATH) return inside
  return join(tmpdir(), `lifeboat-spool-${createHash('sha256').update(folder).digest('hex').slice(0, 24)}.sock`)
}

/** undefined when nobody listens there. */
async function answerOf(path: string): Promise<string | undefined> {
  const socket = connect(path)
  try {
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}

function inUse(folder: string): LifeboatError {
  return new LifeboatError('SPOOL_IN_USE', { path: folder })
}
