import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What an agent serves, in miniature: files below /backups, shown to whoever has the token. */
export interface Spool extends AsyncDisposable {
  readonly url: string
  readonly token: string
  /** By `<backupId>/<name>`. */
  readonly files: Map<string, Buffer>
  /** `<backupId>/<name>` of every request that was answered with bytes. */
  readonly served: string[]
  /** The agent is there, but a request for it fails as if it were not. */
  away: boolean
  /** After so many bytes of a file the answer stops and waits; for ever, unless the client goes. */
  stallAfter: number | undefined
}

export async function startSpool(): Promise<Spool> {
  const token = 'let-me-in'
  const files = new Map<string, Buffer>()
  const served: string[] = []
  const server = createServer((req, res) => {
    if (spool.away) return void res.destroy()
    if (req.headers.authorization !== `Bearer ${token}`) return void res.writeHead(401).end()
    const name = (req.url ?? '').replace('/backups/', '')
    const bytes = files.get(name)
    if (bytes === undefined) return void res.writeHead(404).end()
    served.push(name)
    res.writeHead(200, { 'content-length': bytes.length })
    if (spool.stallAfter === undefined) res.end(bytes)
    else res.write(bytes.subarray(0, spool.stallAfter))
  })
  // On a busy machine seconds pass between two requests, and a connection that is closed just then fails the second.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const spool: Spool = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    files,
    served,
    away: false,
    stallAfter: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
  return spool
}
