import { setTimeout as pause } from 'node:timers/promises'
import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/nats-core'
import { within } from '../run/within.ts'
import type { NatsLink } from './link.ts'
import { HAND_BACK_MS, type PulledMessage, pulledMessage } from './pulled-message.ts'

export interface PullSource {
  link: Pick<NatsLink, 'nc' | 'try' | 'onReconnect'>
  stream: string
  durable: string
  /** Called when the server does not know stream or durable any more. */
  ensure: () => Promise<void>
}

const EXPIRES_MS = 10_000
/** The server answers an expired request itself; no answer by then means the request is lost. */
const SILENCE_MS = EXPIRES_MS + 2_000
const ASK_AGAIN_MS = 500
const FAREWELL_MS = 1_000

/**
 * One worker: asks for one message, works on it, asks again. It never holds a message it does not work on, so nothing waits behind long work.
 *
 * When `stopping` fires while it waits, a message already on its way is handed back at once.
 */
export async function pullLoop(
  source: PullSource,
  work: (message: PulledMessage) => Promise<void>,
  stopping: AbortSignal,
): Promise<void> {
  const post = new Letterbox(source)
  const forget = source.link.onReconnect(() => post.renew())
  try {
    while (!stopping.aborted) {
      const msg = await post.ask(stopping)
      if (msg === 'renewed') continue
      if (msg === 'silence') {
        // A server does not answer for a consumer it does not know.
        if (!stopping.aborted) await source.ensure().catch(() => {})
        continue
      }
      const status = msg.headers?.code ?? 0
      if (status === 0) await work(pulledMessage(source.link, msg))
      else if (status !== 408) await afterRefusal(source, status, stopping)
    }
  } finally {
    forget()
    await post.close()
  }
}

/** 404 nothing there · 409 the consumer was deleted or its leader changed · 503 JetStream is not up yet. */
async function afterRefusal(source: PullSource, status: number, stopping: AbortSignal): Promise<void> {
  await pause(ASK_AGAIN_MS, undefined, { signal: stopping }).catch(() => {})
  if (status !== 404 && !stopping.aborted) await source.ensure().catch(() => {})
}

/** A message or a status of the server; else `renewed`: ask again at once. */
type Answer = Msg | 'renewed' | 'silence'

/** Where answers arrive. After a reconnect it is a new one, so that an old request cannot bring a second message. */
class Letterbox {
  readonly #source: PullSource
  #inbox = ''
  #subscription: Subscription | undefined
  #waiting: ((answer: Answer) => void) | undefined

  constructor(source: PullSource) {
    this.#source = source
    this.renew()
  }

  renew(): void {
    void this.#drain()
    this.#inbox = createInbox()
    this.#subscription = this.#source.link.nc.subscribe(this.#inbox, {
      callback: (_err, msg?: Msg) => this.#arrived(msg),
    })
    this.#waiting?.('renewed')
  }

  ask(stopping: AbortSignal): Promise<Answer> {
    const { link, stream, durable } = this.#source
    const { nc } = link
    return new Promise((resolve) => {
      const done = (answer: Answer) => {
        clearTimeout(silence)
        stopping.removeEventListener('abort', nothing)
        this.#waiting = undefined
        resolve(answer)
      }
      const nothing = () => done('silence')
      const silence = setTimeout(nothing, SILENCE_MS)
      stopping.addEventListener('abort', nothing, { once: true })
      this.#waiting = done
      const request = JSON.stringify({ batch: 1, expires: nanos(EXPIRES_MS) })
      if (nc.isClosed()) setTimeout(nothing, ASK_AGAIN_MS)
      else nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, request, { reply: this.#inbox })
    })
  }

  /**
   * Leaves no request behind. The server keeps requests nobody listens to until they expire, and 2.9 offers them a message that comes
   * back: it is then lost until its ack wait is over. Asked about the consumer, it throws such requests away.
   */
  async close(): Promise<void> {
    // Without a server both would wait until one comes back.
    await within(FAREWELL_MS, this.#drain())
    const { link, stream, durable } = this.#source
    await link.nc.request(`$JS.API.CONSUMER.INFO.${stream}.${durable}`).catch(() => {})
  }

  #arrived(msg: Msg | undefined): void {
    if (msg === undefined) return
    if (this.#waiting) this.#waiting(msg)
    else if (msg.headers === undefined || msg.headers.code === 0)
      pulledMessage(this.#source.link, msg).nak(HAND_BACK_MS)
  }

  /** Unsubscribes and waits for what the server sent before it knew. */
  async #drain(): Promise<void> {
    await this.#subscription?.drain().catch(() => {})
  }
}
