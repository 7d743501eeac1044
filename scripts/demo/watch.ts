import { setTimeout as pause } from 'node:timers/promises'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import type { Bus, ObservedMessage, ProgressReport } from '@lifeboat/shared/bus/bus.ts'
import { busSubject, type MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupFailed } from '@lifeboat/shared/bus/messages/backup.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'

/** Every fact of the demo's bus, remembered from the first on, so that nothing can happen too early to be noticed. */
export interface FactWatch extends AsyncDisposable {
  /**
   * The first fact of this type, past or future, that fits.
   *
   * @throws Error naming `what` when it does not come in time, and at once when a backup fails for good
   */
  first<T>(type: MessageType<T>, fits: (data: T) => boolean, opts: { what: string; withinMs: number }): Promise<T>
  /** Whether the run is written down in the ledger before this moment. */
  planned(runId: RunId, beforeMs: number): Promise<boolean>
}

export async function watchFacts(
  servers: readonly string[],
  hear: { fact: (message: ObservedMessage) => void; progress: (report: ProgressReport) => void },
): Promise<FactWatch> {
  const bus = await connectBus({ servers, name: 'demo', log: silentLogger })
  const stop = new AbortController()
  const heard: ObservedMessage[] = []
  const waiting = new Set<() => void>()
  const follow = [
    each(bus.observe({ signal: stop.signal, follow: true }), (message) => {
      heard.push(message)
      hear.fact(message)
      for (const look of [...waiting]) look()
    }),
    each(bus.watchProgress({ signal: stop.signal }), hear.progress),
  ]
  return {
    async first(type, fits, { what, withinMs }) {
      const { promise, resolve, reject } = Promise.withResolvers<never>()
      const look = () => {
        const given = heard.map((message) => read(BackupFailed, message)).find((failed) => failed?.willRetry === false)
        if (given !== undefined) reject(new Error(`the backup failed: ${given.error.code}, ${given.error.title}`))
        const found = heard.map((message) => read(type, message)).find((data) => data !== undefined && fits(data))
        if (found !== undefined) resolve(found as never)
      }
      const late = setTimeout(() => reject(new Error(`${what} did not happen within ${withinMs / 1000} s`)), withinMs)
      waiting.add(look)
      look()
      return promise.finally(() => {
        clearTimeout(late)
        waiting.delete(look)
      })
    },
    async planned(runId, beforeMs) {
      const ledger = await Ledger.open(bus)
      for (; Date.now() < beforeMs; await pause(200)) if ((await ledger.get(runId)) !== undefined) return true
      return false
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.allSettled(follow)
      await (bus as Bus)[Symbol.asyncDispose]()
    },
  }
}

/** The fact's data when the message is of this type. */
export function read<T>(type: MessageType<T>, message: ObservedMessage): T | undefined {
  if (!message.subject.startsWith(busSubject(type, ''))) return undefined
  const parsed = type.schema.safeParse(message.data)
  return parsed.success ? parsed.data : undefined
}

async function each<T>(items: AsyncIterable<T>, take: (item: T) => void): Promise<void> {
  for await (const item of items) take(item)
}
