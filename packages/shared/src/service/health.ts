import type { ServerResponse } from 'node:http'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Metrics } from './metrics.ts'
import { serveHttp } from './serve-http.ts'

export interface HealthSources {
  /** Rejects when the service cannot do its work now; the reason is shown. */
  ready: () => Promise<void>
  metrics: Metrics
}

const READY_WITHIN_MS = 2_000

/**
 * Serves `/healthz` (the process runs), `/readyz` (the bus answers and the service takes work; 503 with the reason otherwise) and `/metrics`.
 *
 * @param listen `host:port`, or `:port` for every address
 * @throws LifeboatError SERVICE_PORT_TAKEN
 */
export function openHealth(
  listen: string,
  sources: HealthSources,
): Promise<AsyncDisposable & { readonly port: number }> {
  return serveHttp(listen, (request, response) => {
    const path = request.url?.split('?')[0]
    const answer = path === undefined ? undefined : ROUTES[path]
    if (!answer) return reply(response, 404, 'there is /healthz, /readyz and /metrics\n')
    answer(sources, response).catch((thrown: unknown) => reply(response, 500, `${LifeboatError.from(thrown).code}\n`))
  })
}

const ROUTES: Record<string, (sources: HealthSources, response: ServerResponse) => Promise<void>> = {
  '/healthz': async (_sources, response) => reply(response, 200, 'ok\n'),
  '/readyz': async ({ ready }, response) => {
    try {
      await within(READY_WITHIN_MS, ready())
      reply(response, 200, 'ready\n')
    } catch (thrown) {
      const { code, title } = LifeboatError.from(thrown)
      reply(response, 503, `${code}: ${title}\n`)
    }
  },
  '/metrics': async ({ metrics }, response) => reply(response, 200, await metrics.text(), metrics.contentType),
}

function reply(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}

async function within(ms: number, answer: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new LifeboatError('BUS_UNREACHABLE', { waitedMs: ms })), ms)
  try {
    await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
