import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import { addAbortListener } from 'node:events'
import type { ClientRequest } from 'node:http'

/** The HTTP requests begun by one piece of work. */
class Begun {
  readonly #requests = new Set<ClientRequest>()
  #isCut = false

  add(request: ClientRequest): void {
    if (this.#isCut) request.destroy()
    else this.#requests.add(request)
  }
  cut(): void {
    this.#isCut = true
    // A request that has its answer already lets its socket go, and a destroy no longer touches it.
    for (const request of this.#requests) request.destroy()
    this.#requests.clear()
  }
}

const scope = new AsyncLocalStorage<Begun>()
subscribe('http.client.request.start', (message) => {
  scope.getStore()?.add((message as { request: ClientRequest }).request)
})

/**
 * Runs work of a client library that cannot be aborted, and makes it abortable: every HTTP request the work began is destroyed when the
 * signal fires or the work fails. Without that a server that never answers would hold the socket, and with it the process, for ever.
 *
 * @throws the signal's reason, at once when it fires
 */
export async function abortableRequests<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const begun = new Begun()
  const aborted = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => aborted.reject(signal.reason))
  try {
    return await Promise.race([scope.run(begun, work), aborted.promise])
  } catch (thrown) {
    begun.cut()
    throw signal.aborted ? signal.reason : thrown
  }
}
