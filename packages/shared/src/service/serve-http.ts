import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { LifeboatError } from '../errors/lifeboat-error.ts'

/**
 * Listens until disposed; connections that are open then are cut.
 *
 * @param listen `host:port`, or `:port` for every address
 * @throws LifeboatError SERVICE_PORT_TAKEN
 */
export async function serveHttp(
  listen: string,
  answer: RequestListener,
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(answer)
  const at = listen.lastIndexOf(':')
  const [host, port] = [listen.slice(0, at) || undefined, Number(listen.slice(at + 1))]
  server.listen(port, host)
  await once(server, 'listening').catch((cause: unknown) => {
    throw new LifeboatError('SERVICE_PORT_TAKEN', { listen }, { cause })
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
