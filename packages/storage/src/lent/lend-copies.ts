import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { serveHttp } from '@lifeboat/shared/service/serve-http.ts'
import type { Target } from '../target.ts'

export interface Lending {
  /** host:port */
  listen: string
  /** Of the agents; each opens everything that is lent. */
  tokens: readonly Secret[]
  log: Logger
}

/** What a restore needs, and nothing that says who we are or what is let go. */
const LENT = /^[a-z0-9-]+\/(?:backups|drills|wal)\/(?!(?:.*\/)?\.\.(?:\/|$))/

/**
 * Lets agents read copies without credentials of a cloud: `GET /targets/<id>/objects/<key>?from=<offset>` gives bytes,
 * `GET /targets/<id>/keys?prefix=<prefix>` one receipt a line. What lies at a target is encrypted and stays so; nothing can be written.
 *
 * A body that breaks off is cut short in a way HTTP can tell from its end. Errors are `{ code, facts }` of the catalogue.
 *
 * @throws LifeboatError SERVICE_PORT_TAKEN
 */
export function lendCopies(
  lanes: readonly { target: Target }[],
  { listen, tokens, log }: Lending,
): Promise<AsyncDisposable & { readonly port: number }> {
  const known = tokens.map((token) => digest(`Bearer ${token.reveal()}`))
  return serveHttp(listen, (request, response) => {
    const shown = digest(request.headers.authorization ?? '')
    // All are compared, so that the time tells nothing.
    const allowed = known.filter((each) => timingSafeEqual(each, shown)).length > 0
    const work = allowed ? answer(lanes, request, response) : Promise.reject(new LifeboatError('AGENT_REFUSED'))
    work.catch((thrown: unknown) => {
      const err = LifeboatError.from(thrown)
      log.warn({ event: 'copy.unlent', err, from: request.socket.remoteAddress }, 'could not lend a copy')
      if (response.headersSent) return response.destroy()
      return response
        .writeHead(STATUS[err.code] ?? 502, { 'content-type': 'application/json', 'cache-control': 'no-store' })
        .end(JSON.stringify({ code: err.code, facts: err.facts }))
    })
  })
}

const STATUS: Readonly<Record<string, number>> = { AGENT_REFUSED: 401, TARGET_KEY_ABSENT: 404, TARGET_UNKNOWN: 404 }

async function answer(
  lanes: readonly { target: Target }[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://lent')
  const [, targetId, what, name = ''] = /^\/targets\/([^/]+)\/(objects|keys)(?:\/(.+))?$/.exec(url.pathname) ?? []
  const target = lanes.find((lane) => lane.target.id === targetId)?.target
  if (!target || request.method !== 'GET') throw new LifeboatError('TARGET_UNKNOWN', { name: targetId })
  const left = new AbortController()
  response.once('close', () => left.abort(new LifeboatError('RUN_CANCELLED')))
  const { signal } = left
  const body =
    what === 'keys'
      ? Readable.from(lines(target, demandLent(url.searchParams.get('prefix') ?? ''), signal))
      : await target.get(demandLent(decodeURIComponent(name)), {
          from: Number(url.searchParams.get('from') ?? 0),
          signal,
        })
  response.setHeader('content-type', what === 'keys' ? 'application/x-ndjson' : 'application/octet-stream')
  response.setHeader('cache-control', 'no-store')
  await pipeline(body, response).catch((thrown: unknown) => {
    // The reader had enough; that is no trouble of ours.
    if (!signal.aborted) throw thrown
  })
}

async function* lines(target: Target, prefix: string, signal: AbortSignal): AsyncGenerator<string> {
  for await (const receipt of target.list(prefix, { signal })) yield `${JSON.stringify(receipt)}\n`
}

function demandLent(key: string): string {
  if (!LENT.test(key)) throw new LifeboatError('TARGET_KEY_ABSENT', { key, problem: 'this is not lent' })
  return key
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
